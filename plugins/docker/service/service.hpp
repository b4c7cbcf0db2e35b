// The plugin's actions: reads their parameters on the host's worker, hands them to the engine thread, and
// answers from there.
//
// More than 25 members: each action is a function.
#pragma once

#include "config.hpp"
#include "file_actions.hpp"
#include "fleet.hpp"
#include "transfer_actions.hpp"

#include <agenthost/asio.hpp>
#include <agenthost/plugin.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace agenthost::docker::service {

class Service {
public:
    Service(Context&, Config);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    void start();    // [ctl] throws Error
    void drain();    // [ctl]
    Health health(); // [ctl]

    // Actions, on the host's worker.
    void create_server(Request);
    void start_server(Request);
    void stop_server(Request);
    void restart_server(Request);
    void kill_server(Request);
    void delete_server(Request);
    void reinstall_server(Request);
    void get_status(Request);
    void list_servers(Request);
    void send_command(Request);
    void get_logs(Request);
    void image_pull(Request);
    // Every action of file_actions.hpp and transfer_actions.hpp.
    void file_action(Request);

private:
    using Shared = std::shared_ptr<Request>;
    // Errors that `work` throws become the answer.
    template <class Work> void on_engine(Request, Work work);
    template <class Work> void on_server(Request, Work work);
    void power(Request, server::Power, const char* message);
    void answer_power(Request&, const std::string& id, const server::Answer&, const char* message);
    void follow_pull(const Shared&, const ImageRef&);
    void read_install_log(const Shared&, const ServerShell&);
    [[nodiscard]] std::string next_id() { return std::to_string(++last_id_); }
    Fleet::Outputs outputs();
    [[nodiscard]] std::optional<DiskUse> usage_of(const ServerShell&);
    DiskQuotas::Options quotas();
    void adopt_folders(const store::Store::Loaded&);
    [[nodiscard]] FileScope scope_of(const ServerShell&) const;

    Context& context_;
    const Config config_;
    std::atomic<std::uint64_t> last_id_ = 0;
    std::atomic<bool> draining_ = false;
    AsioThread<boost::asio::io_context> io_;
    boost::asio::thread_pool disk_, bulk_;
    std::string damage_; // of the store; written before the engine thread starts
    std::unique_ptr<engine::Client> client_;
    ServerRoots roots_;
    std::unique_ptr<Fleet> fleet_;
    FileActions files_;
    TransferActions transfers_;
};

} // namespace agenthost::docker::service
