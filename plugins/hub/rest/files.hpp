// Files through the hub: the convenient form (PUT, GET, DELETE of an agent's file in one call) and the one-time URLs by which the
// bytes travel between hub and agent. Under the hub's lock.
//
// A one-time URL serves one transfer, its Range requests and retries included, until the task it belongs to is answered or expires.
// Only the SHA-256 of its token is kept. The bytes lie in the spool, without a name, for exactly as long.
//
// Proxies cut a connection that is silent for a minute. So a GET sends what has arrived while the agent still uploads (file_readers.hpp), and a
// PUT answers 202 with its task when it takes longer; its repeat joins it (file_puts.hpp).
#pragma once

#include "file_puts.hpp"
#include "file_readers.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/http/spool.hpp"
#include "plugins/hub/tasks/commands.hpp"
#include "transfer_places.hpp"

#include "base/rate_floor.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::hub {

class Files {
public:
    static constexpr std::size_t max_transfers = 4'096;

    Files(Core& core, Commands& commands, std::shared_ptr<Spool> spool, std::size_t max = max_transfers)
        : core_{core}, commands_{commands}, spool_{std::move(spool)}, puts_{core}, readers_{core}, places_{
                                                                                                       max}
    {}

    void put(Conn, const Head&, std::string agent, std::string file);
    void get(Conn, const Head&, std::string agent, std::string file);
    void remove(Conn, std::string agent, std::string file);
    void temp_upload(Conn, const Head&, std::string_view token);
    void temp_download(Conn, const Head&, std::string_view token);

    void writable(Conn conn) { readers_.writable(conn); }
    void began(const TaskRecord&); // any task: it may change an agent's files

    [[nodiscard]] std::size_t transfers() const { return transfers_.size(); }

private:
    enum class Way : std::uint8_t { to_agent, from_agent };
    struct Transfer {
        Way way;
        std::shared_ptr<const SpoolFile> content; // from_agent: once it has come whole
        std::string agent, caller;
        Conn reader = 0; // from_agent: who gets it
        int receiving = 0;
        TransferPlaces::Place place = {};
    };
    struct Ticket {
        std::string key, url;
    };
    using Received = std::function<void(std::shared_ptr<SpoolFile>)>;
    struct Body {                  // how a body is received
        std::string agent, caller; // whose share of the spool it takes
        Received received;
        std::function<void(const std::shared_ptr<SpoolFile>&, std::uint64_t landed)> progress = {};
        std::function<void()> over = [] {}; // it did not come
    };
    struct Rate { // of a body on its way
        std::uint64_t landed = 0;
        base::RateFloor floor;
        Timers::Id timer{};
    };

    Ticket open_transfer(Transfer);
    // Among the transfers, of this exchange's caller. nullptr: none is free, and that is the answer.
    TransferPlaces::Place take_place(Conn, const std::string& agent);
    // Into a new file of the spool; refuses what is too large, does not fit or has another SHA-256 than X-Content-SHA256 says.
    void receive(Conn, const Head&, Body);
    void not_written(Conn, const std::shared_ptr<SpoolFile>&, std::uint64_t landed,
                     std::function<void(const base::DiskTrouble&)> refuse);
    void watch_rate(Conn, const std::shared_ptr<Rate>&);
    // Starts the task; the transfer `key` (may be empty) ends with it. false: refused, and answered.
    bool start(Conn, TaskRecord, const std::string& key, std::function<void(const TaskRecord&)> ended);
    [[nodiscard]] TaskRecord task(Conn, std::string agent, std::string action, std::string params) const;
    void send(Conn, FilePuts::Ptr, const std::shared_ptr<SpoolFile>&, TransferPlaces::Place, double wait_s);
    void wait(Conn, const FilePuts::Ptr&, double wait_s);
    void drain_as_interrupted(Conn);

    Core& core_;
    Commands& commands_;
    std::shared_ptr<Spool> spool_;
    FilePuts puts_;
    FileReaders readers_;
    TransferPlaces places_;
    std::unordered_map<std::string, Transfer> transfers_; // by the token's SHA-256
};

// What a task came to, for a caller who waited: its data, or an error with the status that fits.
Answer final_answer(const TaskRecord&);

} // namespace agenthost::hub
