// Remembers the nonces of signed agents, each agent in a window of its own, so that one that talks much costs only itself. A
// captured frame is refused also after a restart: what is admitted goes into the hub's database with the next group commit.
//
// Bounds: `most_nonces` an agent and window (a full one refuses), `most_agents` windows, `most_waiting` nonces not yet written (then
// frames are refused). What a crash can lose is the nonces of the commit that was under way.
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
    // Ten frames a second for the ten minutes a nonce may have to be remembered.
    static constexpr std::size_t most_nonces = 8'192, most_agents = 100'000, most_waiting = 65'536;

    // Blocking, before store.start(). Throws std::runtime_error. `store` must outlive it.
    StoreNonces(Store& store, std::function<std::int64_t()> utc_ms);

    Verdict admit(std::string_view agent_id, std::string_view nonce, std::int64_t ts) override;
    void tidy(); // lets go of windows in which nothing counts any more
    [[nodiscard]] std::size_t windows() const { return windows_.size(); }

private:
    struct Row {
        std::string agent;
        wire::ReplayWindow::Record record;
    };
    struct Waiting { // shared with the job that writes it
        std::mutex mutex;
        std::vector<Row> rows;
        bool asked = false; // a job is on its way
    };
    bool keep(std::string_view agent, const wire::ReplayWindow::Record&);
    wire::ReplayWindow* window(std::string_view agent);

    Store& store_;
    std::function<std::int64_t()> utc_ms_;
    std::map<std::string, wire::ReplayWindow, std::less<>> windows_;
    std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
};

} // namespace agenthost::hub
