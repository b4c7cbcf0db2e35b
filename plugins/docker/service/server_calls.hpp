// Carries out what a server's machine asks of the engine and of the file system, and reports to it when each
// call is done. On the engine thread; folders are made and removed on the pool.
//
// Containers are found by the id they had last, then by their labels, never by name: a container that somebody
// renamed is still the server's, and no second one may run on its folder.
//
// A call that failed because the engine vanished is reported only after a moment: by then the event stream
// has noticed as well, and the machine, which knows that the engine is away, ignores the call.
#pragma once

#include "node_context.hpp"
#include "own_containers.hpp"
#include "server_life.hpp"

#include "plugins/docker/server/values.hpp"
#include "plugins/docker/spec/server_plan.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::docker::service {

class ServerCalls {
public:
    struct Handlers {
        std::function<void(server::Input)> feed;
        // What inspect shows of the server's own container; null: it does not exist.
        std::function<void(const engine::ContainerFacts*)> on_view;
        std::function<void(const ImageRef&, const engine::PullProgress&)> on_pull;
        std::function<void(const std::string& line, std::function<void(const std::string& why)>)> type;
        // Calls back when all output of the old container was read.
        std::function<void(std::function<void()>)> before_replacing;
        std::function<void(const std::string&)> warn;
    };

    ServerCalls(NodeContext&, const ServerSpec&, std::string folder, std::shared_ptr<ServerLife>, Handlers);

    void begin(const server::Call&);
    void cancel_pull(server::CallNumber);

private:
    using Number = server::CallNumber;
    struct Creation;

    void inspect(Number);
    void check_ports(Number);
    void pull(Number, const ImageRef&);
    void create(Number);
    void start(Number);
    void signal(Number, const std::string& signal);
    void run_installer(Number);
    void remove_installer(Number);
    void remove_all(Number);
    void remove_files(Number);

    // Steps of creating a container, also the installer's.
    void prepare(const std::shared_ptr<Creation>&);
    void make_way(const std::shared_ptr<Creation>&);
    void clear_name(const std::shared_ptr<Creation>&);
    void make(const std::shared_ptr<Creation>&);
    void made(const std::shared_ptr<Creation>&, const engine::Created&);
    void launch(Number, const std::string& container);
    void explain_port(Number, const engine::Error&);

    void done(Number, server::Outcome = server::Outcome::ok, Problem = {});
    void failed(Number, const engine::Error&);
    void later(const engine::Error&, std::function<void()> tell);
    // `work` runs on the pool, then `then` here, or the call has failed.
    void on_disk(Number, std::function<void()> work, std::function<void()> then);
    void on_pool(const boost::asio::any_io_executor&, Number, std::function<void()> work,
                 std::function<void()> then);
    // Reports a failure to the machine, else remembers and passes on what there is.
    void survey(Number, std::function<void(const OwnContainers::Survey&)> then);
    void remove_each(Number, std::vector<std::string> ids, std::function<void()> then);
    void look_at_installer(const std::shared_ptr<server::Facts>&, std::function<void()> seen,
                           std::function<void(const engine::Error&)> refuse);
    void survey_for_inspect(const std::shared_ptr<server::Facts>&, std::function<void()> seen,
                            std::function<void(const engine::Error&)> refuse);
    void remember(const OwnContainers::Survey&);
    void end_others(const OwnContainers::Survey&, std::size_t at,
                    std::function<void(const OwnContainers::Survey&)> then);
    // A callback that does nothing once this object is gone.
    template <class Function> auto bound(Function function)
    {
        return [alive = std::weak_ptr{alive_}, function = std::move(function)](auto&&... arguments) mutable {
            if (!alive.expired()) function(std::forward<decltype(arguments)>(arguments)...);
        };
    }

    NodeContext& node_;
    const ServerSpec& spec_;
    const std::string name_, folder_;
    const std::shared_ptr<ServerLife> life_;
    OwnContainers own_;
    std::string container_, installer_; // ids of our containers, as they were seen last; empty: none
    Handlers handlers_;
    std::map<Number, Images::Ticket> pulls_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

} // namespace agenthost::docker::service
