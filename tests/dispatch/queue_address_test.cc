#include "dispatch/queue_address.h"

#include <doctest/doctest.h>

using namespace dispatch;

TEST_CASE("only $q and what is below it is ours") {
  CHECK(is_queue_topic("$q/a"));
  CHECK(is_queue_topic("$q/"));
  CHECK(is_queue_topic("$q"));
  for (const char* plain :
       {"", "a", "$", "$qa", "$queue/a", "$share/g/$q/a", "#", "q/a", "a/$q/b"}) {
    CAPTURE(plain);
    CHECK_FALSE(is_queue_topic(plain));
  }
}

TEST_CASE("an address names the queue by its filter, as group default") {
  const auto address = parse_queue_address("$q/images/+/#");
  REQUIRE(address.has_value());
  CHECK(address->filter == "images/+/#");
  CHECK(address->group == "default");
  CHECK(parse_queue_address("$q//a")->filter == "/a");
  CHECK(parse_queue_address("$q/$groups/a")->filter == "$groups/a");
}

TEST_CASE("dead letters have an address of their own") {
  CHECK(parse_queue_address("$q/$dead/images/+")->filter == "images/+");
  CHECK(parse_queue_address("$q/$dead/images/+")->dead);
  CHECK_FALSE(parse_queue_address("$q/images/+")->dead);
  CHECK(parse_queue_address("$q/$dead//a")->filter == "/a");
  CHECK_FALSE(parse_queue_address("$q/$deadly/a")->dead);
  CHECK(parse_queue_address("$q/a")->group == "default");
  CHECK(*parse_queue_address("$q/$group/audit/a/#") == QueueAddress{"audit", "a/#"});
  CHECK(*parse_queue_address("$q/$group/audit/$dead/a") == QueueAddress{"audit", "a", true});
}

TEST_CASE("the spelling of EMQX names a queue by its name, and its filter if that is given") {
  CHECK(is_emqx_queue_topic("$queue"));
  CHECK(is_emqx_queue_topic("$queue/jobs"));
  CHECK_FALSE(is_emqx_queue_topic("$queues/jobs"));
  CHECK_FALSE(is_emqx_queue_topic("$q/jobs"));
  const auto by_name = parse_queue_address("$queue/jobs.eu");
  REQUIRE(by_name.has_value());
  CHECK(by_name->name == "jobs.eu");
  CHECK(by_name->filter.empty());
  CHECK(by_name->group == "default");
  const auto whole = parse_queue_address("$queue/jobs/jobs/+/#");
  REQUIRE(whole.has_value());
  CHECK(whole->name == "jobs");
  CHECK(whole->filter == "jobs/+/#");
  CHECK(parse_queue_address("$queue/jobs//a")->filter == "/a");
  CHECK(parse_queue_address("$q/jobs")->name.empty());
  for (const char* wrong : {"$queue", "$queue/", "$queue//a", "$queue/+/a", "$queue/#",
                            "$queue/jobs/", "$queue/jobs/a+", "$queue/a b", "$queue/.a/b"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_queue_address(wrong).has_value());
  }
}

TEST_CASE("an address that names no queue is refused with the reason") {
  for (const char* filter :
       {"$q", "$q/", "$q/a/#/b", "$q/a+", "$q/$dead", "$q/$dead/", "$q/$dead/a+"}) {
    CAPTURE(filter);
    CHECK_FALSE(parse_queue_address(filter).has_value());
  }
  for (const char* filter : {"$q/$group", "$q/$group/", "$q/$group/g", "$q/$group/g/",
                             "$q/$group/a b/x", "$q/$group/+/x", "$q/$group/g/a+"}) {
    CAPTURE(filter);
    CHECK_FALSE(parse_queue_address(filter).has_value());
  }
  CHECK(parse_queue_address("$q/$dead/$dead/a").error().text ==
        "dead letters have no dead letters of their own");
  CHECK_FALSE(parse_queue_address("$q/$settle/1/ack").has_value());
}
