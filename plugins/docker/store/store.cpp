#include "store.hpp"

#include "open.hpp"

#include "base/hash.hpp"

#include <sqlite3.h>

#include <algorithm>

namespace agenthost::docker::store {

namespace {

using server::Action;
using server::Goal;
using server::Install;
using server::Record;
using server::State;

constexpr std::string_view columns =
    "SELECT id, specs.spec, specs.sha256, spec_hash, created_ms, memory, disk, wants_running, goal, install, "
    "flags, run, judged_run, fault_code, fault, stop_timeout, stop_signal, next, next_start, next_timeout, "
    "next_signal, action, container, state, console_stamp, console_count FROM servers LEFT JOIN specs "
    "ON specs.server = servers.id ORDER BY id";
constexpr int record_columns = 15;

constexpr std::int64_t installer_ran = 1, install_over = 2, gave_up = 4, ready = 8, asked = 16;

std::int64_t flags_of(const Record& record)
{
    return (record.installer_ran ? installer_ran : 0) | (record.install_over ? install_over : 0) |
           (record.gave_up ? gave_up : 0) | (record.ready ? ready : 0) | (record.asked ? asked : 0);
}

std::string_view cut(std::string_view text, std::size_t max)
{
    if (text.size() <= max) return text;
    while (max > 0 && (static_cast<unsigned char>(text[max]) & 0xc0) == 0x80) --max;
    return text.substr(0, max);
}

void bind_stop(base::Statement& statement, int timeout, int signal, const server::StopOptions& stop)
{
    statement.bind(timeout, stop.timeout ? std::int64_t{stop.timeout->count()} : -1);
    statement.bind(signal, stop.signal);
}

server::StopOptions read_stop(const base::Statement& row, int timeout, int signal)
{
    server::StopOptions out;
    if (const std::int64_t ms = row.integer(timeout); ms >= 0) out.timeout = std::chrono::milliseconds{ms};
    out.signal = row.text(signal);
    return out;
}

// From `at`, in the order of the columns.
void bind_record(base::Statement& statement, int at, const Record& record)
{
    statement.bind(at, std::int64_t{record.wants_running});
    statement.bind(at + 1, static_cast<std::int64_t>(record.goal));
    statement.bind(at + 2, static_cast<std::int64_t>(record.install));
    statement.bind(at + 3, flags_of(record));
    statement.bind(at + 4, record.run).bind(at + 5, record.judged_run);
    statement.bind(at + 6, record.fault.code).bind(at + 7, cut(record.fault.message, max_fault_bytes));
    bind_stop(statement, at + 8, at + 9, record.stop);
    const server::NextAction next = record.next.value_or(server::NextAction{});
    statement.bind(at + 10, record.next ? static_cast<std::int64_t>(next.action) + 1 : 0);
    statement.bind(at + 11, std::int64_t{next.then_start});
    bind_stop(statement, at + 12, at + 13, next.stop);
    statement.bind(at + 14, static_cast<std::int64_t>(record.action));
}

// False: not a value of this enumeration.
template <class Enum> bool read_enum(std::int64_t number, Enum last, Enum& out)
{
    if (number < 0 || number > static_cast<std::int64_t>(last)) return false;
    out = static_cast<Enum>(number);
    return true;
}

bool read_record(const base::Statement& row, int at, Record& record)
{
    record.wants_running = row.integer(at) != 0;
    const std::int64_t flags = row.integer(at + 3);
    record.installer_ran = (flags & installer_ran) != 0;
    record.install_over = (flags & install_over) != 0;
    record.gave_up = (flags & gave_up) != 0;
    record.ready = (flags & ready) != 0;
    record.asked = (flags & asked) != 0;
    record.action = static_cast<std::uint64_t>(row.integer(at + 14));
    record.run = row.text(at + 4);
    record.judged_run = row.text(at + 5);
    record.fault = {std::string{row.text(at + 6)}, std::string{row.text(at + 7)}};
    record.stop = read_stop(row, at + 8, at + 9);
    if (const std::int64_t next = row.integer(at + 10); next != 0) {
        record.next = server::NextAction{{}, read_stop(row, at + 12, at + 13), row.integer(at + 11) != 0};
        if (!read_enum(next - 1, Action::remove, record.next->action)) return false;
    }
    return read_enum(row.integer(at + 1), Goal::remove, record.goal) &&
           read_enum(row.integer(at + 2), Install::failed, record.install) && flags >= 0 && flags < 32;
}

Problem full(const std::string& what)
{
    return problem(code::insufficient_resources, "the list of servers is full: " + what);
}

} // namespace

Store::Store(const std::string& file)
    : db_{open_database(file)},
      add_{db_.prepare("INSERT INTO servers(id, spec_hash, created_ms, memory, disk, wants_running, goal, "
                       "install, flags, run, judged_run, fault_code, fault, stop_timeout, stop_signal, next, "
                       "next_start, next_timeout, next_signal, action, container, state, console_stamp, "
                       "console_count) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")},
      change_{db_.prepare("UPDATE servers SET spec_hash=?, memory=?, disk=? WHERE id=?")},
      remove_{db_.prepare("DELETE FROM servers WHERE id=?")},
      record_{
          db_.prepare("UPDATE servers SET wants_running=?, goal=?, install=?, flags=?, run=?, judged_run=?, "
                      "fault_code=?, fault=?, stop_timeout=?, stop_signal=?, next=?, next_start=?, "
                      "next_timeout=?, next_signal=?, action=? WHERE id=?")},
      container_{db_.prepare("UPDATE servers SET container=?, state=? WHERE id=?")},
      console_{db_.prepare("UPDATE servers SET console_stamp=?, console_count=? WHERE id=?")},
      project_{db_.prepare("UPDATE servers SET project=?1 WHERE id=?2 AND project<>?1")},
      put_spec_{db_.prepare(
          "INSERT INTO specs(server, spec, sha256) VALUES(?,?,?) ON CONFLICT(server) DO UPDATE SET "
          "spec=excluded.spec, sha256=excluded.sha256")},
      add_port_{db_.prepare("INSERT INTO ports(server, position, port) VALUES(?,?,?)")},
      remove_ports_{db_.prepare("DELETE FROM ports WHERE server=?")}
{}

std::optional<StoredServer> Store::read_row(const base::Statement& row, std::string& why)
{
    constexpr int record_at = 7, rest = record_at + record_columns;
    StoredServer out;
    if (row.is_null(1)) {
        why = "its specification is missing";
        return std::nullopt;
    }
    const auto digest = base::sha256(row.text(1));
    if (!std::ranges::equal(row.blob(2), digest)) {
        why = "its specification was damaged on the disk";
        return std::nullopt;
    }
    out.id = row.text(0);
    out.spec = row.text(1);
    out.spec_hash = row.text(3);
    out.created_ms = row.integer(4);
    out.claim.server = out.id;
    out.claim.memory = static_cast<std::uint64_t>(row.integer(5));
    out.claim.disk = static_cast<std::uint64_t>(row.integer(6));
    out.container = row.text(rest);
    out.console = {row.integer(rest + 2), static_cast<std::uint32_t>(row.integer(rest + 3))};
    if (!read_record(row, record_at, out.record) ||
        !read_enum(row.integer(rest + 1), State::stuck, out.state)) {
        why = "its state has a value that this agenthost does not know";
        return std::nullopt;
    }
    auto ports = db_.prepare("SELECT port FROM ports WHERE server=? ORDER BY position");
    ports.bind(1, out.id);
    while (ports.step()) {
        const auto port = ledger::read_host_port(ports.text(0));
        if (!port) {
            why = "a port is unreadable";
            return std::nullopt;
        }
        out.claim.ports.push_back(*port);
    }
    return out;
}

Store::Loaded Store::load()
{
    Loaded out;
    auto rows = db_.prepare(columns);
    try {
        while (rows.step()) {
            std::string why;
            if (auto server = read_row(rows, why))
                out.servers.push_back(std::move(*server));
            else
                out.unreadable.push_back("server " + std::string{rows.text(0)} + ": " + why +
                                         ". Delete it and send create_server again.");
        }
        load_projects(out);
    } catch (const base::SqliteError& error) {
        if ((error.code() & 0xff) == SQLITE_CORRUPT) throw Damaged{error.what()};
        throw;
    }
    return out;
}

void Store::load_projects(Loaded& out)
{
    auto rows = db_.prepare("SELECT id, project FROM servers WHERE project BETWEEN 1 AND 4294967295");
    while (rows.step()) out.projects.emplace_back(rows.text(0), static_cast<std::uint32_t>(rows.integer(1)));
}

void Store::put_spec(const std::string& id, const std::string& spec)
{
    put_spec_.bind(1, id).bind(2, spec).bind_blob(3, base::sha256(spec)).run();
}

void Store::put_ports(const std::string& id, const ledger::Claim& claim)
{
    remove_ports_.bind(1, id).run();
    std::int64_t position = 0;
    for (const ledger::HostPort& port : claim.ports)
        add_port_.bind(1, id).bind(2, position++).bind(3, ledger::text(port)).run();
}

std::optional<Problem> Store::add(const StoredServer& server)
{
    if (server.spec.size() > max_spec_bytes)
        return full("a specification may have " + std::to_string(max_spec_bytes) + " bytes");
    base::Transaction transaction{db_};
    auto count = db_.prepare("SELECT count(*), coalesce(sum(id=?), 0) FROM servers");
    count.bind(1, server.id).step();
    if (count.integer(1) != 0) return problem(code::server_exists, "server " + server.id + " exists already");
    if (count.integer(0) >= static_cast<std::int64_t>(max_rows))
        return full("it has " + std::to_string(max_rows) + " entries");
    constexpr int record_at = 6, rest = record_at + record_columns;
    add_.bind(1, server.id).bind(2, server.spec_hash).bind(3, server.created_ms);
    add_.bind(4, static_cast<std::int64_t>(server.claim.memory));
    add_.bind(5, static_cast<std::int64_t>(server.claim.disk));
    bind_record(add_, record_at, server.record);
    add_.bind(rest, server.container).bind(rest + 1, static_cast<std::int64_t>(server.state));
    add_.bind(rest + 2, server.console.stamp_ns).bind(rest + 3, std::int64_t{server.console.count}).run();
    put_spec(server.id, server.spec);
    put_ports(server.id, server.claim);
    transaction.commit();
    return std::nullopt;
}

std::optional<Problem> Store::change(const std::string& id, const std::string& spec,
                                     const std::string& spec_hash, const ledger::Claim& claim)
{
    if (spec.size() > max_spec_bytes)
        return full("a specification may have " + std::to_string(max_spec_bytes) + " bytes");
    base::Transaction transaction{db_};
    change_.bind(1, spec_hash).bind(2, static_cast<std::int64_t>(claim.memory));
    change_.bind(3, static_cast<std::int64_t>(claim.disk)).bind(4, id).run();
    if (db_.changes() == 0) return problem(code::server_not_found, "there is no server " + id);
    put_spec(id, spec);
    put_ports(id, claim);
    transaction.commit();
    return std::nullopt;
}

void Store::remove(const std::string& id) { remove_.bind(1, id).run(); }

void Store::save(const std::vector<std::pair<std::string, Record>>& records)
{
    base::Transaction transaction{db_};
    for (const auto& [id, record] : records) {
        bind_record(record_, 1, record);
        record_.bind(1 + record_columns, id).run();
    }
    transaction.commit();
}

void Store::save_container(const std::string& id, const std::string& container, State state)
{
    container_.bind(1, container).bind(2, static_cast<std::int64_t>(state)).bind(3, id).run();
}

void Store::save_consoles(const std::vector<std::pair<std::string, ConsolePosition>>& positions)
{
    base::Transaction transaction{db_};
    for (const auto& [id, position] : positions)
        console_.bind(1, position.stamp_ns).bind(2, std::int64_t{position.count}).bind(3, id).run();
    transaction.commit();
}

void Store::save_project(const std::string& id, std::uint32_t project)
{
    project_.bind(1, std::int64_t{project}).bind(2, id).run();
}

} // namespace agenthost::docker::store
