"""End-to-end tests: real processes, the real model, the openai client."""
import argparse
import concurrent.futures
import json
import pathlib
import socket
import sys
import tempfile
import time
import traceback
import urllib.request

import openai

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import fleet_tests  # noqa: E402
from cluster import Cluster, wait_for  # noqa: E402
from models import model_cases  # noqa: E402

PROMPTS = [
    "What is the capital of France?", "Name three colours of the rainbow.", "Write a haiku about the sea.",
    "Explain gravity to a child in two sentences.", "Count from one to ten.", "What do bees make?",
    "Give me a recipe with eggs and tell me in which order I should do the steps, please.", "Tell me a joke.",
]
LAYERS = 30


def client(cluster):
    return openai.OpenAI(base_url=f"{cluster.url}/v1", api_key="none", max_retries=5, timeout=120)


def chat(cluster, prompt, **options):
    options = {"temperature": 0, "max_tokens": 24, **options}
    model = client(cluster).models.list().data[0].id
    return client(cluster).chat.completions.create(
        model=model, messages=[{"role": "user", "content": prompt}], **options)


def reference(cluster, prompt, tokens=24, chat=True):
    arguments = ["generate", "--model", cluster.model, "--prompt", prompt, "--max-tokens", str(tokens), "--temperature", "0"]
    return cluster.json(*arguments, *(["--chat"] if chat else []))


def test_plan_covers_the_model(cluster):
    report = cluster.json("plan")
    assert report["ready"], report["reason"]
    roles = [replica["role"] for replica in report["replicas"]]
    assert "prefill" in roles and "decode" in roles, roles
    assert any(len(replica["stages"]) >= 2 for replica in report["replicas"])
    for replica in report["replicas"]:
        edges = [(stage["layers"]["start"], stage["layers"]["end"]) for stage in replica["stages"]]
        assert edges[0][0] == 0 and edges[-1][1] == LAYERS, edges
        assert all(left[1] == right[0] for left, right in zip(edges, edges[1:])), edges
        key = "predicted_prefill_s" if replica["role"] == "prefill" else "predicted_decode_s"
        assert all(stage[key] > 0 for stage in replica["stages"])


def test_nodes_are_measured(cluster):
    fleet = cluster.json("nodes")
    assert len(fleet["devices"]) >= 4
    for device in fleet["devices"]:
        assert device["state"] == "ready", device
        tables = device["measurements"]
        assert tables["prefill"] and tables["decode"] and tables["head"]
    assert len(fleet["links"]) >= 12


def test_workers_hold_only_their_layers(cluster):
    for replica in cluster.json("plan")["replicas"]:
        for stage in replica["stages"]:
            share = (stage["layers"]["end"] - stage["layers"]["start"]) / LAYERS
            # 66 MB of layers, 30 MB of LM head on the last stage, and the process itself.
            limit = 1.15 * (66.4e6 * share + (30.1e6 if stage["layers"]["end"] == LAYERS else 0)) + 100e6
            assert stage["resident_bytes"] < limit, (stage, limit)


def test_chat_equals_generate(cluster):
    for prompt in PROMPTS[:3]:
        answer = chat(cluster, prompt)
        expected = reference(cluster, prompt)
        assert answer.choices[0].message.content == expected["text"], (answer, expected)
        assert answer.choices[0].finish_reason == expected["finish_reason"]
        assert answer.usage.prompt_tokens == len(expected["prompt_tokens"])
        streamed = ""
        finish = None
        for chunk in chat(cluster, prompt, stream=True, stream_options={"include_usage": True}):
            if chunk.choices:
                streamed += chunk.choices[0].delta.content or ""
                finish = chunk.choices[0].finish_reason or finish
            else:
                assert chunk.usage.prompt_tokens == len(expected["prompt_tokens"])
        assert streamed == expected["text"] and finish == expected["finish_reason"]


def test_completion_equals_generate(cluster):
    prompt = "Once upon a time, in a small village near the mountains, there lived a young girl named Anna. " * 6
    answer = client(cluster).completions.create(
        model=client(cluster).models.list().data[0].id, prompt=prompt, max_tokens=16, temperature=0)
    assert answer.choices[0].text == reference(cluster, prompt, 16, chat=False)["text"]


def test_names_of_the_model(cluster):
    models = client(cluster).models.list().data
    name = pathlib.Path(cluster.model).name
    assert models[0].id == name.removesuffix(".gguf"), models
    context = models[0].model_extra["max_model_len"]
    assert context > 0 and all(model.model_extra["max_model_len"] == context for model in models), models
    for alias in [models[0].id, name, "default", ""]:
        answer = client(cluster).chat.completions.create(
            model=alias, messages=[{"role": "user", "content": PROMPTS[0]}], max_tokens=1)
        assert answer.model == models[0].id, answer
    try:
        client(cluster).chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "x"}])
        raise AssertionError("an unknown model answered")
    except openai.NotFoundError as error:
        assert models[0].id in str(error), error


def test_logit_bias_forces_a_token(cluster):
    plain = chat(cluster, PROMPTS[0], max_tokens=1, logprobs=True, top_logprobs=5)
    told = plain.choices[0].logprobs.content[0]
    wanted = told.top_logprobs[4]
    request = urllib.request.Request(
        f"{cluster.url}/tokenize", json.dumps({"content": wanted.token}).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        [token] = json.load(answer)["tokens"]
    forced = chat(cluster, PROMPTS[0], max_tokens=4, logit_bias={str(token): 100}, logprobs=True, top_logprobs=5)
    assert forced.choices[0].message.content == wanted.token * 4, (forced, wanted)
    # What is told is the model's own opinion, whatever was forced.
    first = forced.choices[0].logprobs.content[0]
    assert (first.token, first.logprob) == (wanted.token, wanted.logprob), (first, wanted)
    assert [top.token for top in first.top_logprobs] == [top.token for top in told.top_logprobs]


def test_logprobs_of_chats(cluster):
    answer = chat(cluster, PROMPTS[1], logprobs=True, top_logprobs=3)
    content = answer.choices[0].logprobs.content
    text = b"".join(bytes(token.bytes) for token in content)
    assert text.decode() == answer.choices[0].message.content, (text, answer)
    for token in content:
        # Greedily, each token is the most likely one.
        assert len(token.top_logprobs) == 3 and token.top_logprobs[0].logprob == token.logprob <= 0, token
    streamed = []
    for chunk in chat(cluster, PROMPTS[1], logprobs=True, top_logprobs=3, stream=True):
        for choice in chunk.choices:
            streamed += choice.logprobs.content if choice.logprobs else []
    assert [(token.token, token.logprob) for token in streamed] == [(token.token, token.logprob) for token in content]


def test_logprobs_of_completions(cluster):
    """As lm-eval's local-completions asks: token ids, the prompt repeated, nothing or one token generated."""
    model = client(cluster).models.list().data[0].id
    prompt = reference(cluster, PROMPTS[3], 16, chat=False)
    tokens = prompt["prompt_tokens"]
    long = (tokens * 200)[:700]
    for ids in [tokens, long]:
        answers = [client(cluster).completions.create(
            model=model, prompt=[ids], echo=True, logprobs=1, max_tokens=most, temperature=0, seed=1) for most in (0, 1)]
        for most, answer in enumerate(answers):
            told = answer.choices[0].logprobs
            assert len(told.tokens) == len(told.token_logprobs) == len(told.text_offset) == len(ids) + most, answer
            assert told.token_logprobs[0] is None and told.top_logprobs[0] is None
            assert all(value <= 0 for value in told.token_logprobs[1:])
            assert all(value <= max(top.values()) for value, top in zip(told.token_logprobs[1:], told.top_logprobs[1:]))
        assert answers[0].choices[0].logprobs.token_logprobs == answers[1].choices[0].logprobs.token_logprobs[:-1]
    # The output of a greedy run is the most likely continuation when it is a prompt itself.
    generated = client(cluster).completions.create(
        model=model, prompt=[tokens], logprobs=2, max_tokens=8, temperature=0).choices[0]
    whole = tokens + prompt["tokens"][:8]
    echoed = client(cluster).completions.create(
        model=model, prompt=[whole], echo=True, logprobs=2, max_tokens=0).choices[0]
    count = len(generated.logprobs.tokens)
    assert echoed.logprobs.token_logprobs[len(tokens):len(tokens) + count] == generated.logprobs.token_logprobs


def test_concurrent_chats_equal_solo_runs(cluster):
    expected = [reference(cluster, prompt)["text"] for prompt in PROMPTS]
    with concurrent.futures.ThreadPoolExecutor(len(PROMPTS)) as pool:
        answers = list(pool.map(lambda prompt: chat(cluster, prompt).choices[0].message.content, PROMPTS))
    assert answers == expected


def test_sampling_depends_on_the_seed_only(cluster):
    options = {"temperature": 0.9, "seed": 7, "max_tokens": 16}
    first = chat(cluster, PROMPTS[3], **options).choices[0].message.content
    assert first == chat(cluster, PROMPTS[3], **options).choices[0].message.content
    others = {chat(cluster, PROMPTS[3], **{**options, "seed": seed}).choices[0].message.content for seed in range(4)}
    assert len(others) > 1


def test_a_disconnect_frees_the_request(cluster):
    stream = chat(cluster, "Tell me a very long story.", stream=True, max_tokens=800)
    next(iter(stream))
    stream.response.close()
    wait_for("the request ends", 15, lambda: cluster.json("plan")["running"] == 0)
    wait_for("KV cache is freed", 15, lambda: all(
        replica["kv_reserved_tokens"] == 0 for replica in cluster.json("plan")["replicas"]))


def test_a_limit_is_no_forecast(cluster):
    """Requests that may become as long as the context decode together, not one after the other."""
    first, last = {}, {}

    def read(index):
        stream = chat(cluster, PROMPTS[index], stream=True, max_tokens=65535, extra_body={"ignore_eos": True})
        for count, _ in enumerate(stream):
            first.setdefault(index, time.monotonic())
            if count == 60:
                break
        last[index] = time.monotonic()
        stream.response.close()

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(read, range(4)))
    assert max(first.values()) < min(last.values()), (first, last)
    wait_for("the requests end", 15, lambda: cluster.json("plan")["running"] == 0)


def test_a_real_run_is_recorded_and_simulated(cluster):
    stream, real, nodes, simulated = (cluster.folder / name for name in ("s.csv", "real.json", "nodes.json", "sim.json"))
    lengths = [(40, 8), (300, 12), (100, 1), (64, 20), (200, 6)]
    rows = [f"r{i},{i},{prompt},{output}" for i, (prompt, output) in enumerate(lengths)]
    stream.write_text("\n".join(["request_id,t_unit,prompt_tokens,output_tokens", *rows]) + "\n")
    summary = cluster.json(
        "bench", "load", "--url", cluster.url, "--workload", stream, "--rate", "2", "--record", real,
        "--fleet-output", nodes)["summary"]
    assert summary["finished"] == len(lengths), summary
    record = json.loads(real.read_text())
    assert record["source"] == "measured" and record["plan"] == cluster.json("plan")["plan"]
    for request, (prompt, output) in zip(record["requests"], lengths):
        assert (request["prompt_tokens"], request["output_tokens"]) == (prompt, output), request
        moments = ["arrival_s", "prefill_start_s", "first_token_s"] + (["decode_start_s"] if output > 1 else []) + ["end_s"]
        times = [request[name] for name in moments]
        # The gateway hears of first tokens and of decoding on different ways.
        assert times[0] < times[1] < times[2] <= times[-1] and times[-2] <= times[-1], request
        if output > 1:
            assert request["first_token_s"] < request["kv_complete_s"] + 1
            assert request["prefill_replica"] != request["decode_replica"]
    cluster.e2llm("simulate", "--fleet", nodes, "--replay", real, "--record", simulated)
    comparison = cluster.json("compare", real, simulated)
    assert not comparison["warnings"], comparison
    # The same requests, on the replicas of the same plan.
    replayed = json.loads(simulated.read_text())
    assert replayed["source"] == "simulated", replayed["source"]
    replicas = {replica["id"] for replica in record["plan"]["replicas"]}
    assert {r.get("decode_replica") for r in replayed["requests"]} - {None} <= replicas, replicas
    assert [(r["id"], r["prompt_tokens"], r["output_tokens"]) for r in replayed["requests"]] == [
        (r["id"], r["prompt_tokens"], r["output_tokens"]) for r in record["requests"]]
    prefill = {r["prompt_tokens"]: r["first_token_s"] - r["prefill_start_s"] for r in replayed["requests"]}
    assert 0 < prefill[40] < prefill[300], prefill
    # Measured and predicted on a machine that does other things as well: a factor of three is its noise, not a model's.
    measures = {measure["name"]: measure["mean"] for measure in comparison["measures"]}
    for name in ("ttft", "e2e"):
        real, predicted = measures[name]["real"], measures[name]["simulated"]
        assert real > 0 and 1 / 3 < predicted / real < 3, (name, measures[name])


def test_bench_serve(cluster):
    def serve(*arguments):
        return cluster.e2llm(
            "bench", "serve", "--base-url", f"{cluster.url}/v1", "--disable-tqdm", *arguments, check=False)

    lengths = ["--num-prompts", "4", "--random-input-len", "50", "--random-output-len", "6", "--ignore-eos"]
    path = cluster.folder / "serve/figures.json"
    told = serve(
        *lengths, "--max-concurrency", "2", "--seed", "11", "--save-result", "--save-detailed", "--result-dir",
        str(path.parent), "--result-filename", path.name, "--goodput", "ttft:60000", "--metadata", "run=test")
    assert told.returncode == 0, told.stderr
    assert "Serving Benchmark Result" in told.stdout and "Output token throughput (tok/s):" in told.stdout, told.stdout
    result = json.loads(path.read_text())
    assert (result["completed"], result["failed"], result["num_prompts"]) == (4, 0, 4), result["errors"]
    assert (result["total_input_tokens"], result["total_output_tokens"]) == (200, 24), result
    assert result["input_lens"] == [50] * 4 and result["output_lens"] == [6] * 4 and result["errors"] == [""] * 4
    assert result["model_id"] == client(cluster).models.list().data[0].id and result["run"] == "test"
    assert result["request_rate"] == "inf" and result["max_concurrency"] == 2 and result["max_concurrent_requests"] <= 2
    assert abs(result["output_throughput"] * result["duration"] - 24) < 1e-6
    assert abs(result["request_goodput"] - result["request_throughput"]) < 1e-9
    for measure in ("ttft", "tpot", "itl", "e2el"):
        assert all(result[f"{figure}_{measure}_ms"] > 0 for figure in ("mean", "median", "p99")), measure
    assert result["mean_ttft_ms"] < result["mean_e2el_ms"] < result["duration"] * 1000

    told = serve(*lengths, "--warm", "--request-rate", "20", "--seed", "12", "--json", "--backend", "openai-chat")
    result = json.loads(told.stdout)
    assert (result["completed"], result["total_output_tokens"], result["warm"]) == (4, 24, True), told.stderr
    assert result["request_rate"] == 20 and result["total_input_tokens"] > 200 and "errors" not in result

    for arguments, code, text in [
        (["--num-prompts", "0"], 2, "--num-prompts is 0"), ([*lengths, "--model", "other"], 1, "404"),
        (["--random-input-len", "9000"], 2, "tokens"), (["--percentile-metrics", "x"], 2, "--percentile-metrics"),
    ]:
        told = serve(*arguments)
        assert told.returncode == code and text in told.stderr, (arguments, told.stderr)


def test_bad_requests_are_refused(cluster):
    for body, status in [
        (b"{", 400), (b"{}", 400), (b'{"messages":[]}', 400),
        (b'{"messages":[{"role":"user","content":"x"}],"max_tokens":-1}', 400),
        (b'{"messages":[{"role":"user","content":"x"}],"temperature":9}', 400),
        (b'{"model":"no-such","messages":[{"role":"user","content":"x"}]}', 404),
    ]:
        request = urllib.request.Request(
            f"{cluster.url}/v1/chat/completions", data=body, headers={"content-type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=10)
            raise AssertionError(f"{body} was accepted")
        except urllib.error.HTTPError as error:
            assert error.code == status, (body, error.code)
            assert json.load(error)["error"]["message"]


def test_metrics(cluster):
    with urllib.request.urlopen(f"{cluster.url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    assert "vllm:generation_tokens_total" in text and "vllm:time_to_first_token_seconds_bucket" in text


def test_trace(cluster):
    # Longer than `scheduler.local_prefill_tokens`, so that prefill and decoder replica both take part.
    prompt = PROMPTS[6] + " The eggs are fresh, and there is flour, milk and sugar as well. " * 4
    chrome = cluster.folder / "trace.json"
    for _ in range(3):
        answer = chat(cluster, prompt, max_tokens=12)
        report = cluster.json("trace", answer.id, "--chrome", str(chrome))
        route = answer.model_extra["e2llm"]
        replicas = {replica["id"]: replica["stages"] for replica in cluster.json("plan")["replicas"]}
        used = [route["prefill_replica"], route["decode_replica"]]
        # On a machine that others slow down the plan may change meanwhile.
        if all(name in replicas for name in used):
            break
    assert not [process for process in report["processes"] if "problem" in process], report["processes"]
    stages = [stage["device"] for name in used for stage in replicas[name]]
    told = {row["process"] for row in report["moments"]}
    assert told >= {"gateway", "scheduler"} and len(told) == 2 + len(stages), (told, stages)
    times = [row["at_ms"] for row in report["moments"]]
    assert times == sorted(times) and times[0] == 0

    def first(kind, process=""):
        return next(row["at_ms"] for row in report["moments"]
                    if row["moment"]["kind"] == kind and row["process"].startswith(process))
    order = [first("received"), first("submitted", "gateway"), first("routed"), first("opened"), first("computed"),
             first("emitted"), first("first_token"), first("token"), first("ended")]
    assert order == sorted(order), order
    tokens = [row for row in report["moments"] if row["moment"]["kind"] in ("first_token", "token")]
    assert [row["moment"]["position"] for row in tokens] == list(range(len(tokens)))
    assert answer.choices[0].message.content not in json.dumps(report), "a trace holds no text"
    parts = report["summary"]["parts"]
    assert parts[0]["name"] == "a token" and 0.5 < sum(part.get("share", 0) for part in parts[1:]) < 1.05, parts
    for stage in report["summary"]["stages"]:
        assert abs(stage["own"] + stage["others"] + stage["bubble"] - 1) < 0.02, stage
    events = json.loads(chrome.read_text())["traceEvents"]
    names = {event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert names == told
    assert all(event["ph"] in "MXibe" and ("ts" in event or event["ph"] == "M") for event in events)
    newest = cluster.e2llm("trace", "--last").stdout
    assert "BETWEEN TOKENS" in newest and "BUBBLE" in newest
    unknown = cluster.e2llm("trace", "chatcmpl-unknown", check=False)
    assert unknown.returncode == 1 and "no process remembers request unknown" in unknown.stderr
    assert cluster.e2llm("trace", check=False).returncode == 2


def test_garbage_on_every_port(cluster):
    record = json.loads(next((cluster.folder / "state/e2llm/clusters").glob("*.json")).read_text())
    endpoints = list(record["endpoints"].values())
    endpoints += [worker["endpoint"] for device in cluster.json("nodes")["devices"] for worker in device["workers"]]
    before = set(cluster.descendants())
    for endpoint in endpoints:
        host, port = endpoint.removeprefix("tcp://").split(":")
        for garbage in [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, bytes(range(256)) * 64, b""]:
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                connection.sendall(garbage)
    assert chat(cluster, PROMPTS[0]).choices[0].message.content == reference(cluster, PROMPTS[0])["text"]
    assert before == set(cluster.descendants()), "a process ended"


def test_every_service_may_be_killed(cluster):
    expected = reference(cluster, PROMPTS[0])["text"]
    for name in ["profiler", "partitioner", "clusterer", "scheduler", "gateway", "prefill-worker", "decoder-worker"]:
        started = time.monotonic()
        cluster.kill(name)

        def answers():
            try:
                return cluster.healthy() and chat(cluster, PROMPTS[0]).choices[0].message.content == expected
            except openai.OpenAIError:
                return False
        wait_for(f"serving after {name} was killed", 60, answers)
        print(f"    {name}: serving again after {time.monotonic() - started:.1f} s")


def test_control_plane_may_die_during_a_stream(cluster):
    expected = reference(cluster, PROMPTS[3], 48)["text"]
    text = ""
    for index, chunk in enumerate(chat(cluster, PROMPTS[3], stream=True, max_tokens=48)):
        text += chunk.choices[0].delta.content or ""
        if index == 4:
            for name in ["scheduler", "profiler"]:
                cluster.kill(name)
    assert text == expected
    wait_for("ready again", 60, cluster.healthy)


def test_a_stream_survives_its_decoder(cluster):
    expected = reference(cluster, PROMPTS[3], 64)["text"]
    text = ""
    migrations = 0
    stream = chat(cluster, PROMPTS[3], stream=True, max_tokens=64, stream_options={"include_usage": True})
    for index, chunk in enumerate(stream):
        if not chunk.choices:
            migrations = chunk.model_extra["e2llm"]["migrations"]
            continue
        text += chunk.choices[0].delta.content or ""
        if index == 4:
            device = next(r for r in cluster.json("plan")["replicas"] if r["role"] == "decode")["stages"][0]["device"]
            cluster.kill("decoder-worker", f"worker.device={device}")
    assert text == expected
    assert migrations >= 1, "the stream was over before its decoder was killed"
    wait_for("ready again", 60, cluster.healthy)


def test_impossible_models_and_fleets(cluster):
    def refused(*arguments, says):
        done = cluster.e2llm(*arguments, check=False)
        assert done.returncode != 0 and says in done.stderr, (arguments, done)
    damaged = cluster.folder / "damaged.gguf"
    damaged.write_bytes(pathlib.Path(cluster.model).read_bytes()[:1_000_000])
    refused("generate", "--model", "no-such.gguf", "--prompt", "x", says="no-such.gguf")
    refused("generate", "--model", str(damaged), "--prompt", "x", says="damaged.gguf")
    refused("up", "--model", cluster.model, "--fleet", "no-such.yaml", says="no-such.yaml")
    refused("up", "--model", str(damaged), "--fleet", cluster.fleet, "--port", "1", says="damaged.gguf")
    bad = cluster.folder / "bad.yaml"
    bad.write_text("devices:\n  - id: a\n    thredas: 2\n")
    refused("up", "--model", cluster.model, "--fleet", str(bad), says="thredas")


def check_model(case, arguments, folder):
    """Serves another model, or with other settings, and compares with one process."""
    cluster = Cluster(arguments.binaries, case.model, arguments.fleet, folder,
        [*case.settings, f"clusterer.roles={case.roles}"])
    try:
        cluster.start()
        model = client(cluster).models.list().data[0].id
        for prompt in case.prompts:
            expected = cluster.json(
                "generate", "--model", case.model, "--prompt", prompt, "--max-tokens", "24", *case.generate)
            answer = client(cluster).completions.create(model=model, prompt=prompt, max_tokens=24, temperature=0)
            assert answer.choices[0].text == expected["text"], (case.name, answer, expected)
            assert expected["text"]
        if case.chat:
            chat_answer = chat(cluster, case.prompts[0])
            expected = reference(cluster, case.prompts[0])
            assert chat_answer.choices[0].message.content == expected["text"], (case.name, chat_answer, expected)
        if not case.chats:
            try:
                chat(cluster, case.prompts[0])
                raise AssertionError(f"{case.name}: a chat without a chat template was answered")
            except openai.BadRequestError as refusal:
                assert "no chat template" in str(refusal), refusal
        plan = cluster.json("plan")["plan"]
        roles = {replica["role"] for replica in plan["replicas"]}
        expected = {"split": {"prefill", "decode"}, "mixed": {"mixed"}}.get(case.roles, roles)
        assert roles == expected, plan
        assert ("default" in plan["algorithm"]) == ("clusterer.algorithm=paper" not in case.settings), plan
        cluster.stop()
    except Exception:
        print(cluster.logs())
        raise
    finally:
        if hasattr(cluster, "process") and cluster.process.poll() is None:
            cluster.process.terminate()
            cluster.process.wait(timeout=40)


def main():
    parser = argparse.ArgumentParser()
    for name in ["binaries", "model", "fleet"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--gemma", default="", help="Gemma-3-270M; left out without it")
    arguments = parser.parse_args()
    tests = fleet_tests.chosen(globals(), arguments.only)
    passed, failed = 0, 0
    for case in model_cases(arguments.model, arguments.gemma):
        if arguments.only not in case.name:
            continue
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="e2llm-end-to-end-") as folder:
            try:
                check_model(case.prepared(folder), arguments, folder)
                passed += 1
                print(f"passed {case.name} ({time.monotonic() - started:.1f} s)", flush=True)
            except Exception:
                failed += 1
                print(f"FAILED {case.name}\n{traceback.format_exc()}", flush=True)
    if tests:
        counts = fleet_tests.call(tests, arguments, "end-to-end", ["clusterer.roles=split"])
        passed, failed = passed + counts[0], failed + counts[1]
    fleet_tests.end(passed, failed)


main()
