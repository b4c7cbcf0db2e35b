// Remembers the nonces of signed agents in one window per agent, so that a busy agent affects only itself.
// Captured frames are rejected even after a restart: accepted nonces are written to the hub's database with
// the next group commit.
//
// Bounds: `max_nonces` per agent and window (a full one rejects), `max_agents` windows, `max_waiting` nonces
// not yet written (beyond it frames are rejected). A crash can lose only the nonces of the pending commit.
// admit() and tidy() under the hub's lock; the rows are written on the store's thread.
#pragma once

#include "store.hpp"

#include "wire/codec.hpp"
#include "wire/session/replay.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace agenthost::hub {

class StoreNonces final : public wire::NonceBook {
public:
    // Ten frames per second for the ten minutes that a nonce may have to be remembered.
    static constexpr std::size_t max_nonces = 8'192, max_agents = 100'000, max_waiting = 65'536;

    // Blocking, before store.start(). Throws std::runtime_error. `store` must outlive it.
    StoreNonces(Store& store, std::function<std::int64_t()> utc_ms);

    Verdict admit(std::string_view agent_id, std::string_view nonce, std::int64_t ts) override;
    void tidy(); // removes windows whose nonces have all expired
    [[nodiscard]] std::size_t windows() const { return windows_.size(); }

private:
    struct Row {
        std::string agent;
        wire::ReplayWindow::Record record;
    };
    struct Waiting { // shared with the job that writes it
        std::mutex mutex;
        std::vector<Row> rows;
        bool asked = false; // a job is queued
    };
    bool keep(std::string_view agent, const wire::ReplayWindow::Record&);
    wire::ReplayWindow* window(std::string_view agent);

    Store& store_;
    std::function<std::int64_t()> utc_ms_;
    std::map<std::string, wire::ReplayWindow, std::less<>> windows_;
    std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
};

} // namespace agenthost::hub
