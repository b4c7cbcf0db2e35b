// The jobs that work in one server's folder, from the server's creation to its deletion. A job enters before
// it touches the folder and leaves at its end. Deletion ends the life: no job enters any more, running ones
// are cancelled, and the folder is removed when the last one has left. So a job that waited meanwhile never
// works in the folder of a later server with the same id.
//
// Any thread. Owned by the server; jobs keep it by shared_ptr.
#pragma once

#include "base/cancel.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <set>

namespace agenthost::docker::service {

class ServerLife : public std::enable_shared_from_this<ServerLife> {
public:
    // A job's time in the folder.
    class Stay {
    public:
        Stay(std::shared_ptr<ServerLife> life, base::Cancel& cancel) : life_{std::move(life)}, cancel_{cancel}
        {}
        Stay(const Stay&) = delete;
        Stay& operator=(const Stay&) = delete;
        ~Stay() { life_->leave(cancel_); }

    private:
        std::shared_ptr<ServerLife> life_;
        base::Cancel& cancel_;
    };

    // `cancel` ends the job and outlives the stay. Throws SERVER_NOT_FOUND once the life has ended.
    [[nodiscard]] std::unique_ptr<Stay> enter(base::Cancel& cancel);
    // `then` is called once, when no job is in the folder: inside the call, or on the last job's thread.
    // Each call ends it; only the last one's `then` counts.
    void end(std::function<void()> then);
    [[nodiscard]] bool ended() const;

private:
    void leave(base::Cancel&);

    mutable std::mutex mutex_;
    bool ended_ = false;
    std::set<base::Cancel*> inside_;
    std::function<void()> then_;
};

} // namespace agenthost::docker::service
