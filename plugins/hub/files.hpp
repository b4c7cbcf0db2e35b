// Files through the hub: the convenient form (PUT, GET, DELETE of an agent's file in one call) and the one-time URLs by which the
// bytes travel between hub and agent. Under the hub's lock.
//
// A one-time URL serves one transfer, its Range requests and retries included, until the task it belongs to is answered or expires.
// Only the SHA-256 of its token is kept. The bytes lie in the spool, without a name, for exactly as long.
#pragma once

#include "commands.hpp"
#include "core.hpp"
#include "spool.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace agenthost::hub {

class Files {
public:
    Files(Core& core, Commands& commands, std::shared_ptr<Spool> spool)
        : core_{core}, commands_{commands}, spool_{std::move(spool)}
    {}

    void put(Conn, const Head&, std::string agent, std::string file);
    void get(Conn, const Head&, std::string agent, std::string file);
    void remove(Conn, std::string agent, std::string file);
    void temp_upload(Conn, const Head&, std::string_view token);
    void temp_download(Conn, const Head&, std::string_view token);

    [[nodiscard]] std::size_t transfers() const { return transfers_.size(); }

private:
    enum class Way : std::uint8_t { to_agent, from_agent };
    struct Transfer {
        Way way;
        std::shared_ptr<const SpoolFile> content; // from_agent: once it has come whole
        int receiving = 0;
    };
    struct Ticket {
        std::string key, url;
    };
    using Received = std::function<void(std::shared_ptr<SpoolFile>)>;

    Ticket open_transfer(Way, std::shared_ptr<const SpoolFile>);
    // Into a new file of the spool; refuses what is too large, does not fit or has another SHA-256 than X-Content-SHA256 says.
    void receive(Conn, const Head&, Received, std::function<void()> over);
    void call(Conn, std::string agent, std::string action, std::string params, std::string key,
              std::function<void(const TaskRecord&)> success);

    Core& core_;
    Commands& commands_;
    std::shared_ptr<Spool> spool_;
    std::unordered_map<std::string, Transfer> transfers_; // by the token's SHA-256
};

// What a task came to, for a caller who waited: its data, or an error with the status that fits.
Answer final_answer(const TaskRecord&);

} // namespace agenthost::hub
