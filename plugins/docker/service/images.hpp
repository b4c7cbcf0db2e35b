// Makes images available on the engine: checks whether they are present, pulls them as the node's policy
// says, with the credential of exactly their registry.
//
// On the engine thread; password files are read on `disk`. A registry that refuses because of too many
// requests is not asked again for a while: 1 minute at first, then up to 15.
#pragma once

#include "config.hpp"

#include "plugins/docker/engine/client.hpp"
#include "plugins/docker/errors/codes.hpp"
#include "plugins/docker/spec/image_ref.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::docker::service {

class Images {
public:
    struct Handlers {
        std::function<void(const engine::PullProgress&)> on_progress;
        // Once, later. `warning`: the image is there although it could not be pulled.
        std::function<void(std::optional<Problem>, const std::string& warning)> on_end;
    };
    using Ticket = std::uint64_t;

    Images(engine::Client&, const Config&, boost::asio::any_io_executor disk);

    // As the policy says.
    Ticket ensure(const ImageRef&, Handlers);
    // Even if the image is present.
    Ticket pull(const ImageRef&, Handlers);
    // The engine is away: every job ends with this problem.
    void give_up(const Problem&);
    // on_end is not called.
    void cancel(Ticket);
    [[nodiscard]] std::size_t active() const { return jobs_.size(); }

private:
    struct Job {
        ImageRef image;
        Handlers handlers;
        engine::Running running;
        bool present = false;             // before the pull
        std::vector<std::string> secrets; // of its registry: not in any text that leaves
    };
    struct Limited {
        std::chrono::steady_clock::time_point until;
        std::chrono::seconds pause{60};
    };
    using JobPtr = std::shared_ptr<Job>;

    JobPtr find(Ticket) const;
    Ticket add(const ImageRef&, Handlers);
    void look(Ticket);
    void read_password(Ticket);
    void begin_pull(Ticket, std::string auth);
    void make_room(const std::string& registry);
    void pull_ended(Ticket, const std::optional<engine::Error>&);
    void end(Ticket, std::optional<Problem>, const std::string& warning = {});
    [[nodiscard]] std::optional<Problem> limited(const ImageRef&) const;

    engine::Client& client_;
    const Config& config_;
    boost::asio::any_io_executor disk_;
    std::map<Ticket, JobPtr> jobs_;
    std::map<std::string, Limited> limited_; // by registry; at most 64
    Ticket last_ = 0;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

} // namespace agenthost::docker::service
