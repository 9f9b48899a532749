// What OpenAI's npm package makes of a worker.
//
//   check.mjs URL KEY MODEL RERANKER
//
// URL       with /v1
// MODEL     all-MiniLM-L6-v2 under some name; the worker's queue holds at most 600 tokens
// RERANKER  a cross-encoder, for what it refuses
//
// Prints a line for each thing that held, and ends with an error at the first that did not.

import assert from "node:assert/strict";

const openai = await import(process.env.OPENAI_PACKAGE ?? "openai");
const [url, key, model, reranker] = process.argv.slice(2);

const SENTENCE = "The ferry leaves the harbour at seven.";
// The same by the model's own tokenizer.
const SENTENCE_IDS = [101, 1996, 7115, 3727, 1996, 7440, 2012, 2698, 1012, 102];
const DIMENSIONS = 384;

const client = connect(key, 0);

function connect(apiKey, maxRetries) {
  return new openai.OpenAI({ baseURL: url, apiKey, maxRetries, timeout: 120_000 });
}

function embed(input, more = {}) {
  return client.embeddings.create({ model, input, ...more });
}

async function vector(input, more) {
  return (await embed(input, more)).data[0].embedding;
}

function length(of) {
  return Math.sqrt(of.reduce((sum, part) => sum + part * part, 0));
}

function assertClose(one, other) {
  assert.equal(one.length, other.length);
  one.forEach((part, index) => assert.ok(Math.abs(part - other[index]) < 1e-5, `${index}: ${part} ${other[index]}`));
}

async function assertRaises(kind, act, { status, code, param }) {
  const error = await act().then(
    () => assert.fail(`no ${kind.name}`),
    (error) => error,
  );
  assert.equal(error.constructor, kind, String(error));
  assert.equal(error.status, status);
  if (code !== undefined) assert.equal(error.code, code);
  if (param !== undefined) assert.equal(error.param, param);
  assert.ok(error.type && error.requestID, `${error.type} ${error.requestID}`);
  return error;
}

const checks = {
  async "one text becomes one vector"() {
    const answer = await embed(SENTENCE);
    assert.equal(answer.object, "list");
    assert.equal(answer.model, model);
    assert.equal(answer.data[0].object, "embedding");
    assert.equal(answer.data[0].embedding.length, DIMENSIONS);
    assert.ok(Math.abs(length(answer.data[0].embedding) - 1) < 1e-4);
    assert.deepEqual(answer.usage, { prompt_tokens: SENTENCE_IDS.length, total_tokens: SENTENCE_IDS.length });
  },

  async "several texts keep their order"() {
    const texts = [SENTENCE, "a", "O barco parte do porto às sete.", SENTENCE, "渡轮早上七点离开港口。 👩‍👩‍👧‍👦"];
    const { data } = await embed(texts);
    assert.deepEqual(
      data.map((row) => row.index),
      [0, 1, 2, 3, 4],
    );
    for (const [index, text] of texts.entries()) assertClose(await vector(text), data[index].embedding);
  },

  async "tokens are taken as texts are"() {
    const text = await vector(SENTENCE);
    assertClose(await vector(SENTENCE_IDS), text);
    const several = await embed([SENTENCE_IDS, [101, 102]]);
    assertClose(several.data[0].embedding, text);
    assert.equal(several.usage.total_tokens, SENTENCE_IDS.length + 2);
  },

  async "all formats carry the same bits"() {
    const usual = await vector(SENTENCE);
    const plain = await vector(SENTENCE, { encoding_format: "float" });
    const coded = await vector(SENTENCE, { encoding_format: "base64" });
    const bytes = Buffer.from(coded, "base64");
    const decoded = Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
    assert.deepEqual(Float32Array.from(plain), Float32Array.from(decoded));
    assert.deepEqual(Float32Array.from(usual), Float32Array.from(decoded));
  },

  async "fewer dimensions are the first ones, normalised"() {
    const whole = await vector(SENTENCE);
    const norm = length(whole.slice(0, 96));
    assertClose(
      await vector(SENTENCE, { dimensions: 96 }),
      whole.slice(0, 96).map((part) => part / norm),
    );
    const wrong = { status: 400, param: "dimensions" };
    await assertRaises(openai.BadRequestError, () => embed(SENTENCE, { dimensions: DIMENSIONS + 1 }), wrong);
  },

  async "models are listed and found"() {
    const listed = new Map();
    for await (const entry of client.models.list()) listed.set(entry.id, entry);
    assert.ok(listed.has(model) && listed.has(reranker));
    assert.deepEqual(await client.models.retrieve(model), listed.get(model));
    const none = { status: 404, code: "model_not_found" };
    await assertRaises(openai.NotFoundError, () => client.models.retrieve("no/such"), none);
  },

  async "errors are of the package's classes"() {
    const stranger = connect("wrong", 0);
    await assertRaises(openai.AuthenticationError, () => stranger.models.list(), { status: 401 });
    const none = { status: 404, code: "model_not_found" };
    await assertRaises(openai.NotFoundError, () => embed("a", { model: "no/such" }), none);
    for (const wrong of ["", [], [""], [[]], 7, null, { a: 1 }]) {
      await assertRaises(openai.BadRequestError, () => embed(wrong), { status: 400, param: "input" });
    }
    await assertRaises(openai.BadRequestError, () => embed("a", { model: reranker }), { status: 400, param: "model" });
    await assertRaises(openai.BadRequestError, () => embed(SENTENCE.repeat(60)), { status: 400, param: "input" });
    assert.equal((await embed(SENTENCE.repeat(60), { truncate: true })).usage.total_tokens, 256);
  },

  async "a call that is given up ends"() {
    const controller = new AbortController();
    const call = client.embeddings.create({ model, input: Array(20).fill(SENTENCE) }, { signal: controller.signal });
    controller.abort();
    await assert.rejects(call, openai.APIUserAbortError);
  },

  async "who is refused comes back when told"() {
    // Each call nearly fills the queue.
    const work = Array.from({ length: 5 }, (_, number) => `${SENTENCE} `.repeat(12) + number);
    const ask = (patient, calls) =>
      Promise.allSettled(Array.from({ length: calls }, () => patient.embeddings.create({ model, input: work })));
    const answers = await ask(client, 24);
    const refused = answers.filter(({ status }) => status === "rejected").map(({ reason }) => reason);
    assert.ok(refused.length > 0);
    for (const error of refused) {
      assert.equal(error.constructor, openai.RateLimitError, String(error));
      assert.ok(Number(error.headers.get("retry-after")) > 0);
    }
    for (const { value, reason } of await ask(connect(key, 60), 4)) assert.equal(value?.data.length, 5, String(reason));
  },
};

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log(`ok ${name}`);
}
