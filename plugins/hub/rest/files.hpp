// Files through the hub: PUT, GET, HEAD and DELETE of an agent's file in one call, and the one-time URLs that
// transfer the bytes between hub and agent. Under the hub's lock.
//
// A one-time URL serves one transfer, including Range requests and retries, until its task is answered or
// expires. Only the SHA-256 of its token is kept. The bytes stay in the spool, without a file name, for the
// same time.
//
// Proxies cut a connection that is silent for a minute. So a GET sends the bytes so far while the agent still
// uploads (file_readers.hpp), and a slow PUT answers 202 with its task; a repeated PUT joins it
// (file_puts.hpp).
//
// More than 25 members: one function for each step of a transfer in both directions.
#pragma once

#include "file_bodies.hpp"
#include "file_puts.hpp"
#include "file_readers.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/http/router.hpp"
#include "plugins/hub/http/spool.hpp"
#include "plugins/hub/tasks/calls.hpp"
#include "plugins/hub/tasks/commands.hpp"
#include "transfer_slots.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agenthost::hub {

class Files {
public:
    static constexpr std::size_t max_transfers = 4'096;

    Files(Core& core, Calls& calls, Commands& commands, std::shared_ptr<Spool> spool,
          std::size_t max = max_transfers)
        : core_{core}, calls_{calls}, commands_{commands}, bodies_{core, std::move(spool)}, puts_{core},
          readers_{core}, slots_{max}
    {}

    [[nodiscard]] std::vector<Route> routes();
    void writable(const Exchange& exchange) UNDER_LOCK { readers_.writable(exchange); }
    void began(const TaskRecord&) UNDER_LOCK; // for every task, because it may change an agent's files

    [[nodiscard]] std::size_t transfers() const UNDER_LOCK { return transfers_.size(); }

private:
    enum class Way : std::uint8_t { to_agent, from_agent };
    struct Transfer {
        Way way;
        std::shared_ptr<const SpoolFile> content; // from_agent: once it is complete
        std::string agent, caller;
        Exchange reader = {}; // from_agent: the caller that receives it
        int receiving = 0;
        TransferSlots::Slot slot = {};
    };
    struct Ticket {
        std::string key, url;
    };

    void put(const Exchange&, const Head&, std::string agent, std::string file) UNDER_LOCK;
    void get(const Exchange&, const Head&, std::string agent, std::string file) UNDER_LOCK;
    void describe(const Exchange&, const std::string& agent, const std::string& file) UNDER_LOCK;
    void remove(const Exchange&, std::string agent, std::string file) UNDER_LOCK;
    void temp_upload(const Exchange&, const Head&, std::string_view token) UNDER_LOCK;
    void temp_download(const Exchange&, const Head&, std::string_view token) UNDER_LOCK;
    // A handler that runs once the agent is known to be connected.
    using FileHandler =
        std::function<void(const HttpRequest&, const std::string& agent, const std::string& file)>;
    std::function<void(const HttpRequest&)> online(FileHandler);

    Ticket open_transfer(Transfer) UNDER_LOCK;
    // Takes a transfer slot for this exchange's caller. nullptr: none is free, and the exchange has been
    // answered.
    TransferSlots::Slot take_slot(const Exchange&, const std::string& agent) UNDER_LOCK;
    // Starts the task; the transfer `key` (may be empty) ends with it. false: refused and answered.
    bool start(const Exchange&, TaskRecord, const std::string& key,
               std::function<void(const TaskRecord&)> ended) UNDER_LOCK;
    [[nodiscard]] TaskRecord task(const Exchange&, std::string agent, std::string action,
                                  std::string params) const UNDER_LOCK;
    void send(const Exchange&, FilePuts::Ptr, const std::shared_ptr<SpoolFile>&, TransferSlots::Slot,
              double wait_s) UNDER_LOCK;
    void wait(const Exchange&, const FilePuts::Ptr&, double wait_s) UNDER_LOCK;
    static void drain_as_interrupted(const Exchange&) UNDER_LOCK;

    Core& core_;
    Calls& calls_;
    Commands& commands_;
    FileBodies bodies_ GUARDED;
    FilePuts puts_ GUARDED;
    FileReaders readers_ GUARDED;
    TransferSlots slots_;
    std::unordered_map<std::string, Transfer> transfers_ GUARDED; // by the token's SHA-256
};

// The answer to a waiting caller of an ended task: its data, or an error with the matching status.
Answer final_answer(const TaskRecord&);

} // namespace agenthost::hub
