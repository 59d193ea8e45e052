"""Libraries that people build applications with, against a real fleet and model; and requests that its description allows.

Calls and structured answers are always forced, so that what they are made of depends on the server, not on how clever the
model is.
"""
import asyncio
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.request
from typing import Literal

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # nothing is fetched
os.environ.setdefault("LANGSMITH_TRACING", "false")

import instructor
import litellm
import openai
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel, ConfigDict, Field

from fleet_tests import run

QUESTION = "What is the capital of France?"
ABOUT = "Tell me about Ann, who is 30."
WEATHER = "What is the weather in Paris?"


class Person(BaseModel):
    """A person."""
    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=20)
    age: int = Field(ge=0, le=150)
    mood: Literal["good", "bad"]


class GetWeather(BaseModel):
    """The weather of a city."""
    city: Literal["Paris", "Rome"]


def get_weather(city: Literal["Paris", "Rome"]) -> str:
    """The weather of a city."""
    return f"Sunny in {city}"


def client(cluster, kind=openai.OpenAI):
    return kind(base_url=f"{cluster.url}/v1", api_key="none", max_retries=2, timeout=120)


def chat(text):
    return {"model": "default", "messages": [{"role": "user", "content": text}], "temperature": 0}


def expected(cluster):
    """What the plain interface answers: every library says the same."""
    answer = client(cluster).chat.completions.create(**chat(QUESTION), max_tokens=24)
    return answer.choices[0].message.content


def test_openai_helpers(cluster):
    completions = client(cluster).chat.completions
    parsed = completions.parse(**chat(ABOUT), response_format=Person, max_tokens=200)
    assert isinstance(parsed.choices[0].message.parsed, Person), parsed
    beta = client(cluster).beta.chat.completions.parse(**chat(ABOUT), response_format=Person, max_tokens=200)
    assert beta.choices[0].message.parsed == parsed.choices[0].message.parsed, (beta, parsed)
    with completions.stream(**chat(ABOUT), response_format=Person, max_tokens=200) as stream:
        kinds = {event.type for event in stream}
        assert stream.get_final_completion().choices[0].message.parsed == parsed.choices[0].message.parsed
    assert {"chunk", "content.delta", "content.done"} <= kinds, kinds
    tool = openai.pydantic_function_tool(GetWeather, name="get_weather")
    choice = {"type": "function", "function": {"name": "get_weather"}}
    called = completions.parse(**chat(WEATHER), tools=[tool], tool_choice=choice, max_tokens=200)
    call = called.choices[0].message.tool_calls[0].function
    assert isinstance(call.parsed_arguments, GetWeather), called
    with completions.stream(**chat(WEATHER), tools=[tool], tool_choice=choice, max_tokens=200) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion().choices[0].message.tool_calls[0].function
    assert final.parsed_arguments == call.parsed_arguments and "tool_calls.function.arguments.done" in kinds, kinds


def test_openai_responses_and_errors(cluster):
    responses = client(cluster).responses
    request = {"model": "default", "temperature": 0, "max_output_tokens": 200}
    parsed = responses.parse(input=ABOUT, text_format=Person, **request)
    assert isinstance(parsed.output_parsed, Person), parsed
    tool = openai.pydantic_function_tool(GetWeather, name="get_weather")["function"]
    called = responses.parse(input=WEATHER, tools=[{"type": "function", **tool}], tool_choice="required", **request)
    GetWeather.model_validate(called.output[-1].parsed_arguments)
    with responses.stream(input=ABOUT, text_format=Person, **request) as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_parsed == parsed.output_parsed
    try:
        client(cluster).embeddings.create(model="default", input="a")
        raise AssertionError("there were embeddings")
    except openai.BadRequestError as error:
        assert error.code == "embeddings_not_supported", error

    async def both():
        completions = client(cluster, openai.AsyncOpenAI).chat.completions
        return await asyncio.gather(*[completions.create(**chat(QUESTION), max_tokens=24) for _ in range(2)])
    assert [answer.choices[0].message.content for answer in asyncio.run(both())] == [expected(cluster)] * 2


def langchain(cluster, **options):
    return ChatOpenAI(
        base_url=f"{cluster.url}/v1", api_key="none", model="default", temperature=0,
        **{"max_tokens": 24, **options})


def test_langchain(cluster):
    text = expected(cluster)
    model = langchain(cluster)
    answer = model.invoke(QUESTION)
    assert answer.content == text and answer.usage_metadata["output_tokens"] > 0, answer
    parts = list(langchain(cluster, stream_usage=True).stream(QUESTION))
    assert "".join(part.content for part in parts) == text, parts
    assert sum((part.usage_metadata or {}).get("output_tokens", 0) for part in parts) > 0, parts
    assert [answer.content for answer in model.batch([QUESTION, QUESTION])] == [text, text]
    assert asyncio.run(model.ainvoke(QUESTION)).content == text
    other = langchain(cluster, use_responses_api=True).invoke(QUESTION)
    assert other.text == text, other


def test_langchain_tools(cluster):
    for api in [False, True]:
        model = langchain(cluster, max_tokens=200, use_responses_api=api)
        for choice in ["GetWeather", "any"]:
            for strict in [None, True]:
                bound = model.bind_tools([GetWeather], tool_choice=choice, strict=strict)
                answer = bound.invoke(WEATHER)
                call = answer.tool_calls[0]
                assert call["name"] == "GetWeather" and call["args"]["city"] in ("Paris", "Rome"), answer
                streamed = None
                for part in bound.stream(WEATHER):
                    streamed = part if streamed is None else streamed + part
                assert streamed.tool_calls[0]["args"] == call["args"], (streamed, answer)
        history = [HumanMessage(WEATHER), answer, ToolMessage("Sunny, 24 degrees.", tool_call_id=call["id"])]
        free = langchain(cluster, use_responses_api=api).bind_tools([GetWeather]).invoke(history)
        assert free.text or free.tool_calls, free


def test_langchain_structured_output(cluster):
    for api in [False, True]:
        model = langchain(cluster, max_tokens=200, use_responses_api=api)
        for method in ["json_schema", "function_calling"]:
            for strict in [None, True]:
                structured = model.with_structured_output(Person, method=method, strict=strict)
                person = structured.invoke(ABOUT)
                assert isinstance(person, Person), (method, strict, person)
                assert list(structured.stream(ABOUT))[-1] == person, (method, strict)
        as_dict = model.with_structured_output(Person.model_json_schema(), method="json_schema").invoke(ABOUT)
        assert set(as_dict) == {"name", "age", "mood"}, as_dict
        # An object of any kind is all that this method asks for, and a small model may write a long one.
        anything = model.with_structured_output(method="json_mode", include_raw=True)
        try:
            assert isinstance(anything.invoke("Answer with an empty JSON object.")["parsed"], dict)
        except openai.LengthFinishReasonError as error:
            assert error.completion.choices[0].message.content.startswith("{"), error.completion


def test_instructor(cluster):
    for mode in [instructor.Mode.TOOLS, instructor.Mode.TOOLS_STRICT, instructor.Mode.JSON_SCHEMA,
                 instructor.Mode.RESPONSES_TOOLS]:
        wrapped = instructor.from_openai(client(cluster), mode=mode)
        if mode == instructor.Mode.RESPONSES_TOOLS:
            request = {"model": "default", "temperature": 0, "max_output_tokens": 200}
            person = wrapped.responses.create(input=ABOUT, response_model=Person, max_retries=0, **request)
            assert isinstance(person, Person), (mode, person)
            continue
        request = {**chat(ABOUT), "max_tokens": 200, "max_retries": 0}
        person = wrapped.chat.completions.create(response_model=Person, **request)
        assert isinstance(person, Person), (mode, person)
        # Partial objects have another name, so that the model is told something else: the last one is complete, but another.
        if mode != instructor.Mode.TOOLS_STRICT:
            *_, last = wrapped.chat.completions.create_partial(response_model=Person, **request)
            Person.model_validate(last.model_dump())


def test_litellm(cluster):
    text = expected(cluster)
    base = {"api_base": f"{cluster.url}/v1", "api_key": "none", "temperature": 0, "timeout": 120}
    question = [{"role": "user", "content": QUESTION}]
    answer = litellm.completion(model="openai/default", messages=question, max_tokens=24, **base)
    assert answer.choices[0].message.content == text and answer.usage.completion_tokens > 0, answer
    parts = litellm.completion(model="openai/default", messages=question, max_tokens=24, stream=True, **base)
    assert "".join(part.choices[0].delta.content or "" for part in parts) == text
    tool = {"type": "function", "function": {
        "name": "get_weather", "description": "The weather of a city.", "parameters": GetWeather.model_json_schema()}}
    asked = [{"role": "user", "content": WEATHER}]
    choice = {"type": "function", "function": {"name": "get_weather"}}
    for model, more in [
            ("openai/default", base), ("hosted_vllm/default", base), ("llamafile/default", base), ("lm_studio/default", base),
            ("anthropic/default", {**base, "api_base": cluster.url})]:
        called = litellm.completion(
            model=model, messages=asked, tools=[tool], tool_choice=choice, max_tokens=200, **more)
        call = called.choices[0].message.tool_calls[0].function
        assert json.loads(call.arguments)["city"] in ("Paris", "Rome"), (model, called)
    person = litellm.completion(
        model="openai/default", messages=[{"role": "user", "content": ABOUT}], response_format=Person, max_tokens=200,
        **base)
    Person.model_validate_json(person.choices[0].message.content)
    messages = litellm.completion(
        model="anthropic/default", messages=question, max_tokens=24, **{**base, "api_base": cluster.url})
    assert messages.choices[0].message.content == text, messages
    native = {**base, "api_base": cluster.url}
    ollama = litellm.completion(model="ollama_chat/default", messages=question, max_tokens=24, **native)
    assert ollama.choices[0].message.content == text, ollama
    lines = litellm.completion(model="ollama_chat/default", messages=question, max_tokens=24, stream=True, **native)
    assert "".join(part.choices[0].delta.content or "" for part in lines) == text
    response = litellm.responses(model="openai/default", input=QUESTION, max_output_tokens=24, **base)
    assert response.output[-1].content[0].text == text, response


def test_llama_index(cluster):
    text = expected(cluster)

    def model(tokens):
        return OpenAILike(
            model="default", api_base=f"{cluster.url}/v1", api_key="none", is_chat_model=True, temperature=0,
            is_function_calling_model=True, max_tokens=tokens, context_window=2048, timeout=120)
    question = [ChatMessage(role="user", content=QUESTION)]
    assert model(24).chat(question).message.content == text
    assert [part.message.content for part in model(24).stream_chat(question)][-1] == text
    tool = FunctionTool.from_defaults(fn=get_weather)
    answer = model(200).chat_with_tools([tool], user_msg=WEATHER, tool_required=True)
    call = model(200).get_tool_calls_from_response(answer)[0]
    assert call.tool_name == "get_weather" and call.tool_kwargs["city"] in ("Paris", "Rome"), answer
    result = model(200).predict_and_call([tool], user_msg=WEATHER, tool_required=True)
    assert str(result).startswith("Sunny in"), result
    streamed = list(model(200).stream_chat_with_tools([tool], user_msg=WEATHER, tool_required=True))[-1]
    assert model(200).get_tool_calls_from_response(streamed)[0].tool_kwargs == call.tool_kwargs, streamed
    person = model(200).as_structured_llm(Person).chat([ChatMessage(role="user", content=ABOUT)]).raw
    assert isinstance(person, Person), person


def promising(document):
    """The description with values in it that lead on: a name of the model, roles, few tokens."""
    for path in document["paths"].values():
        for operation in path.values():
            content = operation.get("requestBody", {}).get("content", {})
            fields = content.get("application/json", {}).get("schema", {}).get("properties", {})
            for name in {"model", "max_tokens", "max_completion_tokens", "max_output_tokens"} & set(fields):
                fields[name] = {"enum": ["default"]} if name == "model" else {"type": "integer", "minimum": 1, "maximum": 8}
            if "items" in fields.get("messages", {}):
                fields["messages"].update(minItems=1, items={
                    "type": "object", "required": ["role", "content"], "properties": {
                        "role": {"enum": ["user", "assistant"]}, "content": {"type": "string", "maxLength": 50}}})
    return document


def test_nothing_that_the_description_allows_is_the_servers_fault(cluster):
    """Schemathesis makes requests of the description, right and wrong ones."""
    with urllib.request.urlopen(f"{cluster.url}/openapi.json", timeout=30) as answer:
        document = json.load(answer)
    checks = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "unsupported_method"]
    with tempfile.TemporaryDirectory(prefix="e2llm-schemathesis-") as folder:
        for name, text in [("plain", document), ("promising", promising(json.loads(json.dumps(document))))]:
            path = pathlib.Path(folder) / f"{name}.json"
            path.write_text(json.dumps(text))
            # A stream without an end is no answer.
            done = subprocess.run(
                [pathlib.Path(sys.executable).parent / "schemathesis", "run", path, "--url", cluster.url,
                 "--checks", ",".join([*checks, "allow_header_conformance"]), "--phases", "coverage,fuzzing",
                 "--max-examples", "10", "--max-time", "45", "--seed", "1", "--request-timeout", "60",
                 "--exclude-path", "/v1/cluster/events", "--continue-on-failure", "--no-shrink", "--no-color"],
                cwd=folder, capture_output=True, text=True, timeout=170, check=False)
            assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-4000:]
            print(name, *[line.strip() for line in done.stdout.splitlines() if "generated" in line], flush=True)


# Requests that say no number of tokens, or a large one, would go on to the end of the context for minutes.
run(globals(), "clients", ["gateway.default_max_tokens=16", "model.context=1024"])
