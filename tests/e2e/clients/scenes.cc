// Scenes of Paho C++ for tests/e2e/clients_test.py: paho_cpp_scenes SCENE PORT VERSION

#include <mqtt/async_client.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 30s;

void check(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error("not so: " + what);
}

struct Scene {
  std::string program;
  std::string port;
  int version;

  bool v5() const { return version == MQTTVERSION_5; }
  std::string topic(const std::string& name) const {
    return "cpp/" + std::to_string(version) + "/" + name;
  }
};

// A connected client; take() waits for its next message.
class Client {
 public:
  struct Options {
    std::string id;
    bool clean = true;
    mqtt::message_ptr will;
  };

  Client(const Scene& scene, const Options& options)
      : client_("tcp://127.0.0.1:" + scene.port, options.id,
                mqtt::create_options(scene.version, 100)) {
    client_.start_consuming();
    mqtt::connect_options connect;
    connect.set_mqtt_version(scene.version);
    if (scene.v5()) {
      connect.set_clean_start(options.clean);
      if (!options.clean) {
        connect.set_properties(
            {mqtt::property(mqtt::property::SESSION_EXPIRY_INTERVAL, std::uint32_t{3600})});
      }
    } else {
      connect.set_clean_session(options.clean);
    }
    if (options.will) connect.set_will_message(options.will);
    const auto token = client_.connect(connect);
    check(token->wait_for(patience), "CONNACK comes");
    session_present = token->get_connect_response().is_session_present();
  }

  int subscribe(const std::string& filter, int qos) {
    const auto token = client_.subscribe(filter, qos);
    check(token->wait_for(patience), "SUBACK comes");
    return token->get_subscribe_response().get_reason_codes().at(0);
  }
  void publish(const mqtt::message_ptr& message) {
    check(client_.publish(message)->wait_for(patience), "a publish is acknowledged");
  }
  mqtt::const_message_ptr take() {
    mqtt::const_message_ptr message;
    check(client_.try_consume_message_for(&message, patience) && message, "a message comes");
    return message;
  }
  void disconnect() { check(client_.disconnect()->wait_for(patience), "it disconnects"); }

  bool session_present = false;

 private:
  mqtt::async_client client_;
};

mqtt::message_ptr message(const std::string& topic, const std::string& payload, int qos = 1,
                          bool retained = false) {
  return mqtt::make_message(topic, payload, qos, retained);
}

void every_qos(const Scene& scene) {
  Client client(scene, {});
  for (const int qos : {0, 1, 2}) {
    const auto topic = scene.topic("q" + std::to_string(qos));
    check(client.subscribe(topic, qos) == qos, "the QoS is granted");
    client.publish(message(topic, "hello", qos));
    const auto came = client.take();
    check(came->to_string() == "hello" && came->get_qos() == qos, "the message as it was sent");
  }
  client.disconnect();
}

void retained(const Scene& scene) {
  Client publisher(scene, {});
  Client reader(scene, {});
  publisher.publish(message(scene.topic("retained"), "kept", 1, true));
  reader.subscribe(scene.topic("retained"), 1);
  const auto came = reader.take();
  check(came->to_string() == "kept" && came->is_retained(), "the retained message");
  publisher.publish(message(scene.topic("retained"), "", 1, true));
  publisher.disconnect();
  reader.disconnect();
}

// In a process of its own: Paho can't end a connection without DISCONNECT.
void vanish(const Scene& scene) {
  const Client client(scene, {.will = message(scene.topic("will"), "gone")});
  _exit(0);
}

void will(const Scene& scene) {
  Client watcher(scene, {});
  watcher.subscribe(scene.topic("will"), 1);
  const auto command =
      scene.program + " vanish " + scene.port + " " + std::to_string(scene.version);
  check(std::system(command.c_str()) == 0,
        "a client connects and vanishes");  // NOLINT(cert-env33-c)
  check(watcher.take()->to_string() == "gone", "its Will");
  watcher.disconnect();
}

void resume(const Scene& scene) {
  const auto name = "cpp-resume-" + std::to_string(scene.version);
  {
    Client first(scene, {.id = name, .clean = false});
    check(!first.session_present, "the session is new");
    first.subscribe(scene.topic("resume"), 2);
    first.disconnect();
  }
  Client publisher(scene, {});
  for (int n = 0; n < 10; ++n) {
    publisher.publish(message(scene.topic("resume"), std::to_string(n), 1 + n % 2));
  }
  {
    Client again(scene, {.id = name, .clean = false});
    check(again.session_present, "the session is the old one");
    std::vector<int> came;
    for (int n = 0; n < 10; ++n) came.push_back(std::stoi(again.take()->to_string()));
    std::ranges::sort(came);
    for (int n = 0; n < 10; ++n) check(came[static_cast<std::size_t>(n)] == n, "each came once");
    again.disconnect();
  }
  Client(scene, {.id = name}).disconnect();
  publisher.disconnect();
}

void shared(const Scene& scene) {
  Client one(scene, {});
  Client two(scene, {});
  for (Client* member : {&one, &two}) {
    check(member->subscribe("$share/cpp/" + scene.topic("shared"), 1) == 1, "it is granted");
  }
  Client publisher(scene, {});
  for (int n = 0; n < 20; ++n) publisher.publish(message(scene.topic("shared"), "job"));
  for (Client* member : {&one, &two}) {
    for (int n = 0; n < 10; ++n) member->take();
    member->disconnect();
  }
  publisher.disconnect();
}

mqtt::property property_of(const mqtt::const_message_ptr& message, mqtt::property::code code) {
  mqtt::properties properties = message->get_properties();
  return properties.get(code);
}

void request(const Scene& scene) {
  if (!scene.v5()) return;  // has no Response Topic
  Client asker(scene, {});
  Client answerer(scene, {});
  answerer.subscribe(scene.topic("ask"), 1);
  asker.subscribe(scene.topic("answers"), 1);
  auto question = message(scene.topic("ask"), "how many?");
  question->set_properties(
      {mqtt::property(mqtt::property::RESPONSE_TOPIC, scene.topic("answers")),
       mqtt::property(mqtt::property::CORRELATION_DATA, std::string("q\0001", 3))});
  asker.publish(question);
  const auto asked = answerer.take();
  auto answer =
      message(mqtt::get<std::string>(property_of(asked, mqtt::property::RESPONSE_TOPIC)), "42");
  answer->set_properties({property_of(asked, mqtt::property::CORRELATION_DATA)});
  answerer.publish(answer);
  const auto got = asker.take();
  check(got->to_string() == "42" &&
            mqtt::get<std::string>(property_of(got, mqtt::property::CORRELATION_DATA)) ==
                std::string("q\0001", 3),
        "the answer, with the question's data");
  asker.disconnect();
  answerer.disconnect();
}

const std::map<std::string, std::function<void(const Scene&)>> scenes = {
    {"everyQos", every_qos}, {"retained", retained}, {"vanish", vanish},  {"will", will},
    {"resume", resume},      {"shared", shared},     {"request", request}};

}  // namespace

int main(int count, char** arguments) {
  if (count != 4 || !scenes.contains(arguments[1])) {
    std::cerr << "usage: paho_cpp_scenes SCENE PORT VERSION\n";
    return 2;
  }
  try {
    scenes.at(arguments[1])({arguments[0], arguments[2], std::atoi(arguments[3])});
  } catch (const std::exception& error) {
    std::cerr << arguments[1] << ": " << error.what() << '\n';
    return 1;
  }
  std::cout << "ok\n";
  return 0;
}
