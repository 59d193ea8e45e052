"""The models and settings that the end-to-end tests serve besides the default ones."""
import dataclasses
import pathlib

import tiny_gguf


@dataclasses.dataclass
class ModelCase:
    name: str
    model: str
    prompts: list
    settings: list = dataclasses.field(default_factory=list)
    generate: list = dataclasses.field(default_factory=list)
    chat: bool = False
    # Whether the model has a chat template.
    chats: bool = True
    # Which roles may stand in the plan; keys and values move where it is split.
    roles: str = "split"

    def prepared(self, folder):
        """Writes the model where it is a made one."""
        if self.model:
            return self
        path = pathlib.Path(folder) / "tiny-qwen2.gguf"
        tiny_gguf.write_qwen2(path)
        return dataclasses.replace(self, model=str(path))


def model_cases(default_model, gemma):
    cases = [
        ModelCase("model_qwen2", "", ["Once upon a time", "abc" * 40], chat=True),
        ModelCase(
            "model_kv_q8_0", default_model, ["Once upon a time", "The sea is"], ["clusterer.kv_types=q8_0"],
            ["--kv-type", "q8_0"]),
        ModelCase("model_mixed", default_model, ["Once upon a time", "The sea is"], chat=True, roles="mixed"),
        ModelCase(
            "model_paper_planner", default_model, ["Once upon a time"], ["clusterer.algorithm=paper"], roles="auto"),
    ]
    if gemma:
        prompts = ["The capital of France is", "Bees make honey because"]
        cases.append(ModelCase("model_gemma3", gemma, prompts, chats=False, roles="auto"))
    return cases
