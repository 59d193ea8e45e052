"""The gateway's other interfaces, with their own clients, a real fleet and the real model."""
import datetime
import json
import urllib.request

import anthropic
import ollama
import openai

from fleet_tests import run

QUESTION = "What is the capital of France?"
TOOL = {
    "name": "get_weather", "description": "The weather of a city.",
    "schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
PERSON = {
    "type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"], "additionalProperties": False,
}


def chats(cluster):
    return openai.OpenAI(base_url=f"{cluster.url}/v1", api_key="none", max_retries=5, timeout=120)


def messages(cluster):
    return anthropic.Anthropic(base_url=cluster.url, api_key="none", max_retries=5, timeout=120)


def expected(cluster, question=QUESTION, tokens=24):
    """What a chat answers: every interface says the same."""
    answer = chats(cluster).chat.completions.create(
        model="default", messages=[{"role": "user", "content": question}], temperature=0, max_tokens=tokens)
    return answer.choices[0].message.content, answer.usage


def test_anthropic_whole_and_streamed(cluster):
    text, usage = expected(cluster)
    request = {"model": "default", "max_tokens": 24, "messages": [{"role": "user", "content": QUESTION}]}
    # The client's newest versions have no field of their own for it.
    request["extra_body"] = {"temperature": 0}
    answer = messages(cluster).messages.create(**request)
    assert "".join(block.text for block in answer.content) == text, (answer, text)
    assert answer.usage.output_tokens == usage.completion_tokens, (answer.usage, usage)
    assert answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0) == usage.prompt_tokens
    assert answer.stop_reason in ("end_turn", "max_tokens"), answer
    with messages(cluster).messages.stream(**request) as stream:
        streamed = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert streamed == text and final.stop_reason == answer.stop_reason, (streamed, text, final)
    assert final.usage.output_tokens == usage.completion_tokens
    counted = messages(cluster).messages.count_tokens(model="default", messages=request["messages"])
    assert counted.input_tokens == usage.prompt_tokens, (counted, usage)


def test_anthropic_tools_and_errors(cluster):
    tools = [{"name": TOOL["name"], "description": TOOL["description"], "input_schema": TOOL["schema"]}]
    conversation = [{"role": "user", "content": "What is the weather in Paris?"}]
    request = {"model": "default", "max_tokens": 200, "tools": tools, "extra_body": {"temperature": 0}}
    answer = messages(cluster).messages.create(
        messages=conversation, tool_choice={"type": "tool", "name": TOOL["name"]}, **request)
    call = answer.content[-1]
    assert answer.stop_reason == "tool_use" and call.type == "tool_use" and isinstance(call.input["city"], str), answer
    with messages(cluster).messages.stream(
            messages=conversation, tool_choice={"type": "tool", "name": TOOL["name"]}, **request) as stream:
        streamed = stream.get_final_message().content[-1]
    assert streamed.input == call.input and streamed.name == call.name, (streamed, call)
    conversation += [
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "Sunny, 24 degrees."}]},
    ]
    second = messages(cluster).messages.create(messages=conversation, **{**request, "max_tokens": 24})
    assert second.content, second
    try:
        messages(cluster).messages.create(model="claude", max_tokens=1, messages=conversation[:1])
        raise AssertionError("an unknown model answered")
    except anthropic.NotFoundError as error:
        assert error.body["error"]["type"] == "not_found_error" and error.request_id, error
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    try:
        messages(cluster).messages.create(
            model="default", max_tokens=1, messages=[{"role": "user", "content": [image]}])
        raise AssertionError("an image was accepted")
    except anthropic.BadRequestError as error:
        assert "messages[0].content[0].type" in str(error), error


def test_responses_whole_and_streamed(cluster):
    text, usage = expected(cluster)
    request = {"model": "default", "input": QUESTION, "temperature": 0, "max_output_tokens": 24}
    answer = chats(cluster).responses.create(**request)
    assert answer.output_text == text, (answer, text)
    assert answer.usage.output_tokens == usage.completion_tokens and answer.usage.input_tokens == usage.prompt_tokens
    with chats(cluster).responses.stream(**request) as stream:
        events = list(stream)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == text
    assert events[-1].type == f"response.{answer.status}", events[-1]
    assert events[-1].response.usage.output_tokens == usage.completion_tokens
    form = {"format": {"type": "json_schema", "name": "person", "schema": PERSON}}
    person = chats(cluster).responses.create(**{
        **request, "input": "Tell me about Ann, who is 30.", "text": form, "max_output_tokens": 100})
    assert set(json.loads(person.output_text)) == {"name", "age"}, person.output_text


def test_responses_tools_and_errors(cluster):
    tools = [{
        "type": "function", "name": TOOL["name"], "description": TOOL["description"], "parameters": TOOL["schema"],
        "strict": True}]
    conversation = [{"role": "user", "content": "What is the weather in Paris?"}]
    request = {"model": "default", "tools": tools, "temperature": 0}
    choice = {"type": "function", "name": TOOL["name"]}
    answer = chats(cluster).responses.create(
        input=conversation, tool_choice=choice, max_output_tokens=200, **request)
    call = answer.output[-1]
    assert call.type == "function_call" and "city" in json.loads(call.arguments), answer
    with chats(cluster).responses.stream(
            input=conversation, tool_choice=choice, max_output_tokens=200, **request) as stream:
        final = stream.get_final_response()
    assert final.output[-1].arguments == call.arguments, (final, call)
    conversation += [item.model_dump(exclude_none=True) for item in answer.output]
    conversation.append({"type": "function_call_output", "call_id": call.call_id, "output": "Sunny, 24 degrees."})
    second = chats(cluster).responses.create(input=conversation, max_output_tokens=24, **request)
    assert second.output, second
    for fields in [{"previous_response_id": "resp_1"}, {"background": True}]:
        try:
            chats(cluster).responses.create(model="default", input="a", **fields)
            raise AssertionError(f"{fields} was accepted")
        except openai.BadRequestError as error:
            assert error.param == next(iter(fields)), error


def test_ollama_whole_and_streamed(cluster):
    text, usage = expected(cluster)
    client = ollama.Client(host=cluster.url)
    name = client.list().models[0].model
    request = {
        "model": name, "messages": [{"role": "user", "content": QUESTION}],
        "options": {"temperature": 0, "num_predict": 24}}
    answer = client.chat(**request)
    assert answer.message.content == text and answer.model == name, (answer, text)
    assert answer.eval_count == usage.completion_tokens and answer.prompt_eval_count == usage.prompt_tokens
    assert 0 < answer.eval_duration <= answer.total_duration < 120e9, answer
    parts = list(client.chat(stream=True, **request))
    assert "".join(part.message.content for part in parts) == text and parts[-1].done, parts
    assert parts[-1].done_reason == answer.done_reason in ("stop", "length")
    generated = client.generate(model=name, prompt=QUESTION, options=request["options"])
    assert generated.response == text, (generated, text)
    raw = client.generate(model=name, prompt="Once upon a time", raw=True, options=request["options"])
    plain = chats(cluster).completions.create(
        model="default", prompt="Once upon a time", temperature=0, max_tokens=24)
    assert raw.response == plain.choices[0].text, (raw, plain)
    person = client.chat(
        model=name, messages=[{"role": "user", "content": "Tell me about Ann, who is 30."}], format=PERSON,
        options={"temperature": 0, "num_predict": 100})
    assert set(json.loads(person.message.content)) == {"name", "age"}, person


def test_ollama_knows_the_model(cluster):
    client = ollama.Client(host=cluster.url)
    model = client.list().models[0]
    assert model.model.endswith(":latest") and model.size > 1e6 and model.details.format == "gguf", model
    assert isinstance(model.modified_at, datetime.datetime)
    assert client.ps().models[0].model == model.model
    shown = client.show(model.model)
    family = shown.details.family
    assert shown.modelinfo["general.architecture"] == family and shown.modelinfo[f"{family}.block_count"] > 0, shown
    assert "completion" in shown.capabilities and shown.template, shown
    tools = [{"type": "function", "function": {
        "name": TOOL["name"], "description": TOOL["description"], "parameters": TOOL["schema"]}}]
    answer = client.chat(
        model=model.model, messages=[{"role": "user", "content": "What is the weather in Paris?"}], tools=tools,
        options={"temperature": 0, "num_predict": 100})
    assert answer.done and (answer.message.content or answer.message.tool_calls), answer
    try:
        client.chat(model="llama3", messages=[{"role": "user", "content": "a"}])
        raise AssertionError("an unknown model answered")
    except ollama.ResponseError as error:
        assert error.status_code == 404 and "llama3" in error.error, error


def test_description_and_small_routes(cluster):
    def get(path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(cluster.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    paths = get("/openapi.json")["paths"]
    assert {"/v1/messages", "/v1/responses", "/api/chat", "/v1/models/{id}"} <= set(paths), paths
    assert get("/props")["chat_template"] and not any(slot["is_processing"] for slot in get("/slots"))
    chat = {"messages": [{"role": "user", "content": QUESTION}]}
    prompt = get("/apply-template", chat)["prompt"]
    count = get("/v1/chat/completions/input_tokens", chat)["input_tokens"]
    assert QUESTION in prompt and count == get("/tokenize", chat)["count"]
    answer = chats(cluster).completions.create(
        model="default", prompt=prompt, temperature=0, max_tokens=24, extra_body={"add_special_tokens": False})
    assert answer.choices[0].text == expected(cluster)[0] and answer.usage.prompt_tokens == count, answer


run(globals(), "interfaces")
