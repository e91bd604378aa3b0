// Scenes of mqtt.js for tests/e2e/clients_test.py: node scenes.js SCENE PORT VERSION
"use strict";

const assert = require("node:assert");
const mqtt = require("mqtt");

const [, , scene, port, versionText] = process.argv;
const version = Number(versionText);
const v5 = version === 5;
const topicOf = (name) => `js/${version}/${name}`;

// A connected client; `next()` waits for its next message.
async function connect(options = {}) {
  const client = mqtt.connect({ host: "127.0.0.1", port, protocolVersion: version,
                                reconnectPeriod: 0, ...options });
  const came = [];
  const waiting = [];
  client.on("message", (topic, payload, packet) => {
    const message = { topic, text: payload.toString(), packet };
    if (waiting.length > 0) waiting.shift()(message);
    else came.push(message);
  });
  client.next = () => came.length > 0 ? Promise.resolve(came.shift())
                                      : new Promise((resolve) => waiting.push(resolve));
  client.take = async (count) => {
    const messages = [];
    while (messages.length < count) messages.push(await client.next());
    return messages;
  };
  client.connack = await new Promise((resolve, reject) => {
    client.once("connect", resolve);
    client.once("error", reject);
  });
  client.on("error", () => {});
  return client;
}

const kept = (clientId) => ({ clientId, clean: false,
                              ...(v5 && { properties: { sessionExpiryInterval: 3600 } }) });

const scenes = {
  async everyQos() {
    const client = await connect();
    for (const qos of [0, 1, 2]) {
      const granted = await client.subscribeAsync(topicOf(`q${qos}`), { qos });
      assert.strictEqual(granted[0].qos, qos);
      await client.publishAsync(topicOf(`q${qos}`), `at ${qos}`, { qos });
      const message = await client.next();
      assert.deepStrictEqual([message.text, message.packet.qos], [`at ${qos}`, qos]);
    }
    await client.endAsync();
  },

  async retained() {
    const [publisher, reader] = [await connect(), await connect()];
    await publisher.publishAsync(topicOf("retained"), "kept", { qos: 1, retain: true });
    await reader.subscribeAsync(topicOf("retained"), { qos: 1 });
    const message = await reader.next();
    assert.deepStrictEqual([message.text, message.packet.retain], ["kept", true]);
    await publisher.publishAsync(topicOf("retained"), "", { qos: 1, retain: true });
    await Promise.all([publisher.endAsync(), reader.endAsync()]);
  },

  async will() {
    const watcher = await connect();
    await watcher.subscribeAsync(topicOf("will"), { qos: 1 });
    const client = await connect({ will: { topic: topicOf("will"), payload: "gone", qos: 1 } });
    client.stream.destroy();
    assert.strictEqual((await watcher.next()).text, "gone");
    await watcher.endAsync();
  },

  async resume() {
    const first = await connect(kept(`js-resume-${version}`));
    assert.strictEqual(first.connack.sessionPresent, false);
    await first.subscribeAsync(topicOf("resume"), { qos: 2 });
    await first.endAsync();
    const publisher = await connect();
    for (let n = 0; n < 10; ++n) {
      await publisher.publishAsync(topicOf("resume"), String(n), { qos: 1 + n % 2 });
    }
    const again = await connect(kept(`js-resume-${version}`));
    assert.strictEqual(again.connack.sessionPresent, true);
    const numbers = (await again.take(10)).map((message) => Number(message.text));
    assert.deepStrictEqual(numbers.sort((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await Promise.all([publisher.endAsync(), again.endAsync()]);
  },

  async shared() {
    const members = [await connect(), await connect()];
    for (const member of members) {
      await member.subscribeAsync(`$share/js/${topicOf("shared")}`, { qos: 1 });
    }
    const publisher = await connect();
    for (let n = 0; n < 20; ++n) {
      await publisher.publishAsync(topicOf("shared"), String(n), { qos: 1 });
    }
    const halves = await Promise.all(members.map((member) => member.take(10)));
    const numbers = halves.flat().map((message) => Number(message.text)).sort((a, b) => a - b);
    assert.deepStrictEqual(numbers, Array.from({ length: 20 }, (_, n) => n));
    await Promise.all([publisher, ...members].map((client) => client.endAsync()));
  },

  // What 5.0 says with properties, 3.1.1 agrees on beforehand.
  async request() {
    const [asker, answerer] = [await connect(), await connect()];
    await answerer.subscribeAsync(topicOf("ask"), { qos: 1 });
    await asker.subscribeAsync(topicOf("answers"), { qos: 1 });
    const correlationData = Buffer.from([0, 1]);
    const properties = { responseTopic: topicOf("answers"), correlationData };
    await asker.publishAsync(topicOf("ask"), "how many?", { qos: 1, ...(v5 && { properties }) });
    const { packet } = await answerer.next();
    const where = v5 ? packet.properties.responseTopic : topicOf("answers");
    const back = v5 && { properties: { correlationData: packet.properties.correlationData } };
    await answerer.publishAsync(where, "42", { qos: 1, ...back });
    const answer = await asker.next();
    assert.strictEqual(answer.text, "42");
    if (v5) assert.deepStrictEqual(answer.packet.properties.correlationData, correlationData);
    await Promise.all([asker.endAsync(), answerer.endAsync()]);
  },
};

scenes[scene]().then(() => {
  console.log("ok");
  process.exit(0);
}, (error) => {
  console.log(error);
  process.exit(1);
});
