#include "proxy/upstream_paho_convert.h"

#include <algorithm>
#include <utility>

namespace proxy::paho {
namespace {

using protocol::PropertyId;
using protocol::PropertyType;

// Private members of the C++ wrapper, where it keeps or hides something that the C library has.
// An explicit instantiation may name them [temp.spec.general].
template <class Key, auto Member>
struct Reveal {
  friend constexpr auto member(Key) { return Member; }
};

struct ConnectStruct {
  friend constexpr auto member(ConnectStruct);
};
template struct Reveal<ConnectStruct, &mqtt::connect_options::opts_>;

struct Handle {
  friend constexpr auto member(Handle);
};
template struct Reveal<Handle, &mqtt::async_client::cli_>;

MQTTLenString lent(const std::string& text) {
  return {static_cast<int>(text.size()), const_cast<char*>(text.data())};
}

std::string owned(const MQTTLenString& text) {
  if (!text.data || text.len <= 0) return {};
  return std::string(text.data, static_cast<std::size_t>(text.len));
}

void set_number(MQTTProperty& to, PropertyType type, std::uint32_t number) {
  constexpr std::uint32_t paho_max = 0x7FFFFFFF;
  if (type == PropertyType::byte) {
    to.value.byte = static_cast<unsigned char>(number);
  } else if (type == PropertyType::two_byte) {
    to.value.integer2 = static_cast<unsigned short>(number);
  } else {
    to.value.integer4 = std::min(number, paho_max);
  }
}

std::uint32_t number_of(const MQTTProperty& property, PropertyType type) {
  if (type == PropertyType::byte) return property.value.byte;
  if (type == PropertyType::two_byte) return property.value.integer2;
  return property.value.integer4;
}

// A view: strings stay with `from`.
MQTTProperty view(const protocol::Property& from) {
  MQTTProperty to{};
  to.identifier = static_cast<MQTTPropertyCodes>(from.id);
  if (const auto* number = std::get_if<std::uint32_t>(&from.value)) {
    set_number(to, protocol::type_of(from.id), *number);
  } else if (const auto* text = std::get_if<std::string>(&from.value)) {
    to.value.data = lent(*text);
  } else {
    const auto& [name, value] = std::get<protocol::StringPair>(from.value);
    to.value.data = lent(name);
    to.value.value = lent(value);
  }
  return to;
}

void add(protocol::Properties& to, const MQTTProperty& property) {
  const auto id = static_cast<PropertyId>(property.identifier);
  const auto type = protocol::type_of(id);
  if (type == PropertyType::utf8_pair) {
    to.add_user(owned(property.value.data), owned(property.value.value));
  } else if (type == PropertyType::utf8_string || type == PropertyType::binary) {
    to.add(id, owned(property.value.data));
  } else {
    to.add(id, number_of(property, type));
  }
}

void set_credentials(mqtt::connect_options& options, const protocol::Connect& connect) {
  if (connect.username) options.set_user_name(*connect.username);
  if (connect.password) options.set_password(mqtt::binary_ref(*connect.password));
  // The wrapper leaves out what is empty; "" is not the same as none.
  auto& raw = options.*member(ConnectStruct{});
  if (connect.username && connect.username->empty()) raw.username = "";
  if (connect.password && connect.password->empty()) raw.binarypwd = {0, ""};
}

void set_will(mqtt::connect_options& options, const protocol::Will& will) {
  options.set_will(mqtt::will_options(mqtt::string_ref(will.topic), will.payload.data(),
                                      will.payload.size(), static_cast<int>(will.qos), will.retain,
                                      to_paho(will.properties)));
}

}  // namespace

mqtt::properties to_paho(const protocol::Properties& properties) {
  mqtt::properties result;
  for (const auto& property : properties.items()) {
    const MQTTProperty lent_one = view(property);  // an rvalue would be taken over and freed
    result.add(mqtt::property(lent_one));
  }
  return result;
}

protocol::Properties from_paho(const MQTTProperties& properties) {
  protocol::Properties result;
  for (int i = 0; i < properties.count; ++i) add(result, properties.array[i]);
  return result;
}

PropertyList::PropertyList(const protocol::Properties& from) {
  list_.reserve(from.items().size());
  for (const auto& property : from.items()) list_.push_back(view(property));
}

MQTTProperties PropertyList::c_struct() const {
  MQTTProperties properties = MQTTProperties_initializer;
  properties.count = static_cast<int>(list_.size());
  properties.max_count = properties.count;
  properties.array = const_cast<MQTTProperty*>(list_.data());  // the library copies
  return properties;
}

mqtt::connect_options connect_options(const protocol::Connect& connect) {
  mqtt::connect_options options;
  // Always an explicit version: 0 would try MQTT 3.1 after a failure.
  options.set_mqtt_version(static_cast<int>(connect.version));
  if (connect.version == protocol::Version::v5) {
    options.set_clean_start(connect.clean_start);
    options.set_properties(to_paho(connect.properties));
  } else {
    options.set_clean_session(connect.clean_start);
  }
  options.set_keep_alive_interval(0);
  // Ours comes first; this is for a Paho that doesn't read the CONNACK that it has.
  options.set_connect_timeout(30);
  options.set_automatic_reconnect(false);
  options.set_max_inflight(65'535);
  if (connect.will) set_will(options, *connect.will);
  set_credentials(options, connect);
  return options;
}

protocol::Publish from_paho(std::string_view topic, const MQTTAsync_message& message) {
  protocol::Publish publish;
  publish.dup = message.dup != 0;
  publish.qos = static_cast<protocol::QoS>(message.qos);
  publish.retain = message.retained != 0;
  publish.topic = topic;
  publish.packet_id = static_cast<protocol::PacketId>(message.msgid);
  publish.properties = from_paho(message.properties);
  publish.payload.assign(static_cast<const char*>(message.payload),
                         static_cast<std::size_t>(message.payloadlen));
  return publish;
}

MQTTSubscribe_options subscribe_options(const protocol::Subscription& subscription) {
  MQTTSubscribe_options options = MQTTSubscribe_options_initializer;
  options.noLocal = subscription.no_local ? 1 : 0;
  options.retainAsPublished = subscription.retain_as_published ? 1 : 0;
  options.retainHandling = static_cast<unsigned char>(subscription.retain_handling);
  return options;
}

MQTTAsync handle_of(const mqtt::async_client& client) { return client.*member(Handle{}); }

}  // namespace proxy::paho
