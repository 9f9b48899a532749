"""What OpenAI's Python package makes of a worker.

    check.py URL KEY MODEL RERANKER

URL       with /v1
MODEL     all-MiniLM-L6-v2 under some name; the worker's queue holds at most 600 tokens
RERANKER  a cross-encoder, for what it refuses

Prints a line for each thing that held, and ends with an error at the first that did not.
"""

import array
import asyncio
import base64
import math
import sys

import openai

SENTENCE = "The ferry leaves the harbour at seven."
# The same by the model's own tokenizer.
SENTENCE_IDS = [101, 1996, 7115, 3727, 1996, 7440, 2012, 2698, 1012, 102]
DIMENSIONS = 384
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Given:
    def __init__(self, url, key, model, reranker):
        self.url, self.key, self.model, self.reranker = url, key, model, reranker
        self.client = openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=60)

    def embed(self, what, **more):
        return self.client.embeddings.create(model=self.model, input=what, **more)


def floats(vector):
    """As the service computes them: two that are equal so are equal in every bit."""
    return array.array("f", vector)


def length(vector):
    return math.sqrt(sum(part * part for part in vector))


def close(one, other):
    return len(one) == len(other) and all(abs(a - b) < 1e-5 for a, b in zip(one, other))


def raises(kind, act, status, code=None, param=None):
    try:
        act()
    except kind as error:
        assert type(error) is kind, f"{type(error)} and not {kind}"
        assert error.status_code == status, error.status_code
        assert code is None or error.code == code, (error.code, error.body)
        assert param is None or error.param == param, (error.param, error.body)
        assert error.type and error.request_id, (error.type, error.request_id)
        return error
    raise AssertionError(f"no {kind.__name__}")


@check
def one_text_becomes_one_vector(given):
    answer = given.embed(SENTENCE)
    assert answer.object == "list" and answer.model == given.model, answer
    assert [row.index for row in answer.data] == [0] and answer.data[0].object == "embedding"
    assert len(answer.data[0].embedding) == DIMENSIONS
    assert abs(length(answer.data[0].embedding) - 1) < 1e-4
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == len(SENTENCE_IDS), answer.usage


@check
def several_texts_keep_their_order(given):
    texts = [SENTENCE, "a", "O barco parte do porto às sete.", SENTENCE, "渡轮早上七点离开港口。 👩‍👩‍👧‍👦"]
    rows = given.embed(texts).data
    assert [row.index for row in rows] == list(range(len(texts)))
    for text, row in zip(texts, rows):
        assert close(given.embed(text).data[0].embedding, row.embedding), text


@check
def tokens_are_taken_as_texts_are(given):
    text = given.embed(SENTENCE).data[0].embedding
    one, several = given.embed(SENTENCE_IDS), given.embed([SENTENCE_IDS, SENTENCE_IDS[:3] + [102]])
    assert close(one.data[0].embedding, text)
    assert close(several.data[0].embedding, text) and len(several.data) == 2
    assert one.usage.prompt_tokens == len(SENTENCE_IDS) and several.usage.prompt_tokens == len(SENTENCE_IDS) + 4
    raises(openai.BadRequestError, lambda: given.embed([101, 30522, 102]), 400, param="input")


@check
def all_formats_carry_the_same_bits(given):
    """By default the package asks for base64 and decodes it."""
    default = given.embed(SENTENCE).data[0].embedding
    plain = given.embed(SENTENCE, encoding_format="float").data[0].embedding
    coded = given.embed(SENTENCE, encoding_format="base64").data[0].embedding
    assert isinstance(coded, str) and isinstance(plain[0], float)
    assert floats(plain) == floats(default) == array.array("f", base64.b64decode(coded))
    raises(openai.BadRequestError, lambda: given.embed(SENTENCE, encoding_format="hex"), 400, param="encoding_format")


@check
def fewer_dimensions_are_the_first_ones_normalised(given):
    whole, part = given.embed(SENTENCE).data[0].embedding, given.embed(SENTENCE, dimensions=96).data[0].embedding
    norm = length(whole[:96])
    assert close(part, [value / norm for value in whole[:96]])
    for wrong in (0, DIMENSIONS + 1):
        raises(openai.BadRequestError, lambda: given.embed(SENTENCE, dimensions=wrong), 400, param="dimensions")


@check
def models_are_listed_and_found(given):
    listed = {model.id: model for model in given.client.models.list()}
    assert {given.model, given.reranker} <= set(listed), listed
    found = given.client.models.retrieve(given.model)
    assert found == listed[given.model] and found.object == "model" and found.owned_by and found.created > 0, found
    raises(openai.NotFoundError, lambda: given.client.models.retrieve("no/such"), 404, code="model_not_found")


@check
def errors_are_of_the_packages_classes(given):
    client = given.client
    wrong_key = openai.OpenAI(base_url=given.url, api_key="wrong", max_retries=0)
    raises(openai.AuthenticationError, lambda: wrong_key.models.list(), 401, code="invalid_api_key")
    raises(
        openai.NotFoundError,
        lambda: client.embeddings.create(model="no/such", input="a"),
        404,
        code="model_not_found",
    )
    for wrong in ("", [], [""], [SENTENCE, ""], [[]], [[101, -1]]):
        raises(openai.BadRequestError, lambda: given.embed(wrong), 400, param="input")
    raises(openai.BadRequestError, lambda: given.embed(["a"] * 2_049), 400, param="input")
    raises(
        openai.BadRequestError,
        lambda: client.embeddings.create(model=given.reranker, input="a"),
        400,
        param="model",
    )


@check
def what_is_too_long_is_refused_or_cut_as_asked(given):
    error = raises(openai.BadRequestError, lambda: given.embed(SENTENCE * 60), 400, param="input")
    assert "256" in error.message, error.message
    cut = given.embed(SENTENCE * 60, extra_body={"truncate": True})
    assert cut.usage.prompt_tokens == 256, cut.usage


@check
def an_answer_has_a_number_to_ask_about(given):
    raw = given.client.embeddings.with_raw_response.create(model=given.model, input="a")
    assert raw.headers["x-request-id"] and raw.parse().data


@check
def a_reranker_orders_documents(given):
    documents = ["a", SENTENCE, "Please send the invoice of last month."]
    body = {"model": given.reranker, "query": "When does the ferry leave?", "documents": documents, "top_n": 2}
    answer = given.client.post("/rerank", body=body, cast_to=object)
    scores = [row["relevance_score"] for row in answer["results"]]
    assert len(scores) == 2 and scores == sorted(scores, reverse=True), answer


@check
def a_client_that_waits_no_longer_is_told_so(given):
    try:
        given.client.with_options(timeout=0.001).embeddings.create(model=given.model, input=[SENTENCE] * 20)
    except openai.APITimeoutError:
        return
    raise AssertionError("it was computed in a millisecond")


@check
def who_is_refused_comes_back_when_told(given):
    """Each call nearly fills the queue: without patience some are refused, with the package's own all are served."""

    async def ask(calls, retries):
        how = {"max_retries": retries, "timeout": 120}
        async with openai.AsyncOpenAI(base_url=given.url, api_key=given.key, **how) as client:
            work = [" ".join([SENTENCE] * 12 + [str(number)]) for number in range(5)]
            asked = [client.embeddings.create(model=given.model, input=work) for _ in range(calls)]
            return await asyncio.gather(*asked, return_exceptions=True)

    refused = [answer for answer in asyncio.run(ask(24, 0)) if isinstance(answer, Exception)]
    assert refused, "nobody was refused"
    assert all(type(error) is openai.RateLimitError for error in refused), refused
    assert all(float(error.response.headers["retry-after"]) > 0 for error in refused), refused[0].response.headers
    patient = asyncio.run(ask(4, 60))
    assert [answer for answer in patient if isinstance(answer, Exception)] == []
    assert all(len(answer.data) == 5 for answer in patient)


def main(url, key, model, reranker):
    given = Given(url, key, model, reranker)
    for function in CHECKS:
        function(given)
        print("ok", function.__name__.replace("_", " "), flush=True)
    given.client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
