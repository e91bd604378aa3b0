#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>

namespace CLI {
class App;
}

// `sluice journal ...`: looks at data directories that no sluice has open, asks a running one for a
// backup, and makes data directories of backups. Exit codes as of cli.h; `check` ends with 1 if
// there is a finding.

namespace proxy {

class JournalCommands {
 public:
  explicit JournalCommands(CLI::App& app);
  ~JournalCommands();
  JournalCommands(const JournalCommands&) = delete;
  JournalCommands& operator=(const JournalCommands&) = delete;

  // One of them was named on the command line.
  bool parsed() const;
  int run(std::ostream& out, std::ostream& err);

 private:
  struct Args;
  std::unique_ptr<Args> args_;
};

}  // namespace proxy
