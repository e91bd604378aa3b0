#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "proxy/admin/client.h"

// What the commands of the CLI have in common: where they write, how they answer, and what they
// make of the server's refusals. Their exit codes: 0 done; 1 the operation failed (no such queue,
// refused, server not reachable); 2 the server calls the arguments wrong. Failures are one line on
// `err`.

namespace admin {

struct Output {
  std::ostream& out;
  std::ostream& err;
};

// How to answer: JSON as the server sent it, nothing, or words.
struct Answers {
  bool json = false;
  bool quiet = false;
};

inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;
inline constexpr int kBadArguments = 2;

int fail(Output output, const std::string& what, int code = kFailed);
// A refusal in the server's words.
int refused(Output output, const Client::Answer& answer);
int say(Answers answers, Output output, const boost::json::value& body, const std::string& words);

// "1 message", "3 messages".
std::string counted(std::uint64_t count, const std::string& thing);

// One exchange whose answer is a JSON object, given to `words` to be put into words.
using Words = std::function<std::string(const boost::json::object&)>;
int exchange(Client& client, boost::beast::http::verb method, std::string_view target,
             std::string_view body, Answers answers, Output output, const Words& words);

// All elements of a list of the API, page after page, up to `limit`. `target` has its parameters;
// `field` is where the list is in the answer. The exit code, if it is not kOk, has been explained.
struct Listed {
  int code = kOk;
  boost::json::array elements;
  bool more = false;  // there would have been more than `limit`
};
Listed list_all(Client& client, const std::string& target, std::string_view field,
                std::uint64_t limit, Output output);

// A number, text or flag of an object of the API; 0, "" or false if there is none.
std::uint64_t number_in(const boost::json::object& object, std::string_view field);
std::string text_in(const boost::json::object& object, std::string_view field);
bool flag_in(const boost::json::object& object, std::string_view field);

}  // namespace admin
