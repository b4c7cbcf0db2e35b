// Keeps what must outlive the agent about each server, in SQLite: its specification, what it has claimed of
// the node, its desired state, where its console was read to, the project of its disk quota.
//
// A change is on the disk when the function returns; the service carries out the rest of a machine's effects
// only then, so the desired state is saved before the engine is called. Many changes of one moment go into
// one commit.
//
// Blocking; one thread at a time (that of service/records.hpp). Every function throws base::SqliteError; then
// nothing was changed. Bounded: max_rows servers, max_spec_bytes each, max_file_bytes in all.
#pragma once

#include "plugins/docker/errors/codes.hpp"
#include "plugins/docker/ledger/claim.hpp"
#include "plugins/docker/server/values.hpp"

#include "base/sqlite.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace agenthost::docker::store {

constexpr std::size_t max_rows = 1000;
constexpr std::size_t max_spec_bytes = 1 << 20; // as a payload of create_server
constexpr std::size_t max_fault_bytes = 4096;   // longer ones are cut
constexpr std::uint64_t max_file_bytes = std::uint64_t{256} << 20;

// The last part of the engine's log that was passed on: its time, and how many parts with this time.
struct ConsolePosition {
    std::int64_t stamp_ns = 0;
    std::uint32_t count = 0;
    bool operator==(const ConsolePosition&) const = default;
};

struct StoredServer {
    std::string id;
    std::string spec;      // the payload of create_server as received: may contain secrets, never logged
    std::string spec_hash; // of the container (spec_hash in create_body.hpp)
    std::int64_t created_ms = 0;
    ledger::Claim claim;
    server::Record record;
    std::string container;                        // id; empty: none
    server::State state = server::State::offline; // as it was last shown
    ConsolePosition console;
    bool operator==(const StoredServer&) const = default;
};

// The file is not what SQLite wrote.
class Damaged : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Store {
public:
    // Opens or creates the file (0600), upgrades its layout and locks it for this process. Throws Damaged
    // when the content is not what was written, else std::runtime_error with file, cause and remedy. Use
    // open_store (open.hpp).
    explicit Store(const std::string& file);

    struct Loaded {
        std::vector<StoredServer> servers;
        std::vector<std::string> unreadable; // a sentence for each row that is damaged or unknown
        // Server and project of its disk quota, also of rows that are unreadable otherwise: no other server
        // may get it.
        std::vector<std::pair<std::string, std::uint32_t>> projects;
    };
    Loaded load();

    // A problem: it exists already, or a bound is reached.
    std::optional<Problem> add(const StoredServer&);
    // A new specification for a server, with its claim.
    std::optional<Problem> change(const std::string& id, const std::string& spec,
                                  const std::string& spec_hash, const ledger::Claim&);
    void remove(const std::string& id);

    // Missing rows are skipped: a server may be deleted while its last change waits.
    void save(const std::vector<std::pair<std::string, server::Record>>&);
    void save_container(const std::string& id, const std::string& container, server::State);
    void save_consoles(const std::vector<std::pair<std::string, ConsolePosition>>&);
    // Throws also if another server has the project.
    void save_project(const std::string& id, std::uint32_t project);

    // For tests.
    [[nodiscard]] base::Database& database() { return db_; }

private:
    void put_spec(const std::string& id, const std::string& spec);
    void put_ports(const std::string& id, const ledger::Claim&);
    std::optional<StoredServer> read_row(const base::Statement&, std::string& why);
    void load_projects(Loaded&);

    base::Database db_;
    base::Statement add_, change_, remove_, record_, container_, console_, project_, put_spec_, add_port_,
        remove_ports_;
};

} // namespace agenthost::docker::store
