// The hub as a plugin: connects hub.hpp with the daemon, in both directions.
#include "hub.hpp"
#include "plugins/hub/credentials/check.hpp"
#include "plugins/hub/protocols/protocol.hpp"

#include "base/json_writer.hpp"

#include <agenthost/listener.hpp>
#include <agenthost/plugin.hpp>

#include "base/fd.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>

namespace agenthost::hub {

namespace {

// In the order of enum Metric.
constexpr std::array<const char*, metric_count> metrics{
    R"({"name":"agents","type":"gauge","help":"Agents connected"})",
    R"({"name":"open_tasks","type":"gauge","help":"Tasks not yet answered"})",
    R"({"name":"auth_failures_total","type":"counter","help":"Refused agents and REST callers"})",
    R"({"name":"tasks_total","type":"counter","help":"Tasks ended","labels":{"status":"success"}})",
    R"({"name":"tasks_total","type":"counter","help":"Tasks ended","labels":{"status":"error"}})",
    R"({"name":"tasks_total","type":"counter","help":"Tasks ended","labels":{"status":"failed"}})",
    R"({"name":"resent_total","type":"counter","help":"Commands sent again after a lost session"})",
    R"({"name":"transfer_bytes_total","type":"counter","help":"Bodies of files","unit":"bytes","labels":{"dir":"in"}})",
    R"({"name":"transfer_bytes_total","type":"counter","help":"Bodies of files","unit":"bytes","labels":{"dir":"out"}})",
    R"({"name":"spool_bytes","type":"gauge","help":"Reserved for files in transit","unit":"bytes"})",
    R"({"name":"http_answers_total","type":"counter","help":"HTTP requests answered"})",
    R"({"name":"http_refused_total","type":"counter","help":"Of them with status 400 or higher"})",
    R"({"name":"dashboards","type":"gauge","help":"Dashboards connected"})",
    R"({"name":"dashboard_dropped_bytes_total","type":"counter","help":"Output and events that dashboards were too slow for","unit":"bytes"})",
};

class Daemon final : public Host, public HttpHost {
public:
    Daemon(Context& context, Listener& listener) : context_{context}, listener_{listener}
    {
        for (std::size_t i = 0; i < metrics.size(); ++i) metrics_.at(i) = context.metric(metrics.at(i));
    }
    std::string name; // of the listener

    void answer(Conn conn, const Answer& a) override
    {
        const std::string headers = headers_json(a);
        if (a.absent_length) {
            listener_.answer_begin(conn, a.status, headers, *a.absent_length);
            listener_.answer_end(conn);
            return;
        }
        if (!a.file) {
            listener_.answer(conn, a.status, headers, a.body);
            return;
        }
        base::Fd own{::fcntl(a.file->fd(), F_DUPFD_CLOEXEC, 0)};
        if (!own) {
            listener_.answer(
                conn, 503, R"({"content-type":"application/json"})",
                R"({"error":{"code":"BUSY","message":"The hub has too many files open; try again later"}})");
            return;
        }
        listener_.answer_file(conn, a.status, headers, own.release(), a.offset, a.length);
    }
    agh_status begin(Conn conn, const Answer& head, std::uint64_t length) override
    {
        return listener_.answer_begin(conn, head.status, headers_json(head), length);
    }
    agh_status chunk(Conn conn, std::string_view bytes) override
    {
        return listener_.answer_chunk(conn, bytes);
    }
    void finish(Conn conn) override { listener_.answer_end(conn); }
    void receive(Conn conn, const SpoolFile* file, std::uint64_t max) override
    {
        if (file != nullptr)
            listener_.receive(conn, file->fd(), 0, max);
        else
            listener_.receive(conn, max);
    }
    void upgrade(Conn conn, std::string_view headers, std::string_view limits) override
    {
        listener_.upgrade(conn, headers, limits);
    }
    agh_status send(Conn conn, std::string_view text) override { return listener_.send_text(conn, text); }
    agh_status send_binary(Conn conn, std::string_view bytes) override
    {
        return listener_.send(conn, AGH_WS_BINARY, bytes);
    }
    void limits(Conn conn, std::string_view limits) override { listener_.limits(conn, limits); }
    void close(Conn conn, int code, std::string_view reason) override { listener_.close(conn, code, reason); }
    void pause(Conn conn, bool on) override { listener_.pause(conn, on); }
    [[nodiscard]] std::string address() const override { return listener_.address(name); }
    void log(int level, std::string_view message, std::string_view fields) override
    {
        context_.log(static_cast<Level>(level), message, fields);
    }
    void record(Metric metric, double value) override
    {
        if (const auto& id = metrics_.at(static_cast<std::size_t>(metric))) context_.record(*id, value);
    }
    void publish(std::string_view key, std::string_view json) override { context_.publish(key, json); }

private:
    Context& context_;
    Listener& listener_;
    std::array<std::optional<std::uint32_t>, metric_count> metrics_;
};

class Http final : public RouteHandler {
public:
    explicit Http(Hub& hub) : hub_{hub} {}
    void on_request(agh_conn conn, std::string_view head) override { hub_.on_http(conn, head); }
    void on_body(agh_conn conn, const Body& body) override
    {
        hub_.on_body(conn, {.status = body.status,
                            .length = body.length,
                            .sha256 = base::hex(body.sha256.data(), body.sha256.size()),
                            .data = std::string{body.data}});
    }
    agh_status on_progress(agh_conn conn, std::uint64_t landed) override
    {
        return hub_.on_progress(conn, landed) ? AGH_OK : AGH_E_INTERNAL;
    }
    void on_writable(agh_conn conn) override { hub_.on_writable(conn); }
    void on_closed(agh_conn conn, int code) override { hub_.on_closed(conn, code); }

private:
    Hub& hub_;
};

// The sockets of the agents of one protocol; without one, of dashboards.
class Socket final : public RouteHandler {
public:
    Socket(Hub& hub, std::optional<wire::Protocol> protocol) : hub_{hub}, protocol_{protocol} {}
    void on_request(agh_conn conn, std::string_view head) override { hub_.on_socket(conn, head, protocol_); }
    void on_frame(agh_conn conn, int opcode, std::string_view bytes) override
    {
        hub_.on_frame(conn, opcode, bytes);
    }
    void on_writable(agh_conn conn) override { hub_.on_writable(conn); }
    void on_closed(agh_conn conn, int code) override { hub_.on_closed(conn, code); }
    [[nodiscard]] const char* path() const { return agent_protocol(protocol_.value()).path; }

private:
    Hub& hub_;
    std::optional<wire::Protocol> protocol_;
};

} // namespace

class HubPlugin : public Plugin {
public:
    explicit HubPlugin(Context& context) : context_{context}
    {
        for (const char* action :
             {"hub.agent_add",   "hub.agent_list",   "hub.agent_revoke", "hub.token_new",
              "hub.token_list",  "hub.token_revoke", "hub.exec",         "hub.attach",
              "hub.input",       "hub.resize",       "hub.interrupt",    "hub.runs",
              "hub.server_list", "hub.server_get",   "hub.server_do",    "hub.server_follow",
              "hub.print_shops", "hub.print",        "hub.print_task",   "hub.print_tasks",
              "hub.print_again", "hub.print_receipt"}) {
            context.on(action, this, &HubPlugin::action);
        }
        try {
            config_ = parse_config(context.config(), std::string{context.state_directory()});
        } catch (const std::exception& e) {
            throw Error{"INVALID_REQUEST", e.what()};
        }
    }

    void check(Check& report) override
    {
        check_config(config_, std::string{context_.state_directory()}, report);
    }
    void start() override
    {
        try {
            parts_ = std::make_unique<Parts>(context_, config_);
        } catch (const Error&) {
            throw;
        } catch (const std::exception& e) {
            throw Error{"INTERNAL", e.what(), AGH_E_INTERNAL};
        }
        parts_->hub.start();
        // A call waits for an agent as long as a caller may ask for, or as a transfer may take.
        const auto longest = std::chrono::duration_cast<std::chrono::seconds>(config_.transfer_ttl) +
                             std::chrono::seconds{3660};
        route("http", "prefix", "/api/", parts_->http, std::min<std::int64_t>(longest.count(), 86'400));
        route("http", "prefix", "/api/temp/", parts_->http);
        for (Socket& agents : parts_->agents) route("ws", "path", agents.path(), agents);
        route("ws", "path", "/ws/dashboard", parts_->dashboards);
    }
    void drain() override
    {
        if (parts_) parts_->hub.drain(std::chrono::seconds{2});
    }
    Health health() override
    {
        const std::string problem = parts_ ? parts_->hub.problem() : std::string{};
        return problem.empty() ? Health{} : Health{AGH_E_BUSY, problem};
    }

private:
    struct Parts {
        Parts(Context& context, const Config& config)
            : listener{std::in_place, context}, daemon{context, *listener}, hub{config, daemon, daemon}
        {
            daemon.name = config.listener;
            if (!listener->available()) {
                throw Error{
                    "INVALID_REQUEST",
                    "hub: needs the listener service, which a plugin has only with isolation: in-process. "
                    "Set plugins.hub.isolation to in-process.",
                    AGH_E_UNSUPPORTED};
            }
            for (const wire::ProtocolTraits& row : wire::protocols())
                if (row.dialect.empty())
                    agents.emplace_back(hub, row.protocol); // dialects share the protocol's path
        }
        ~Parts()
        {
            hub.stop();       // no thread of ours from here on,
            listener.reset(); // and no callback from here on
        }
        Parts(const Parts&) = delete;
        Parts& operator=(const Parts&) = delete;
        std::optional<Listener> listener;
        Daemon daemon;
        Hub hub;
        Http http{hub};
        std::deque<Socket> agents; // one per protocol
        Socket dashboards{hub, std::nullopt};
    };

    void route(const char* kind, const char* how, const char* path, RouteHandler& handler,
               std::optional<std::int64_t> answer_timeout_s = {})
    {
        std::string text;
        base::JsonWriter json{text};
        json.object().member("listener", config_.listener).member("kind", kind).member(how, path);
        if (answer_timeout_s) json.member("answer_timeout_s", *answer_timeout_s);
        json.end();
        const agh_status status = parts_->listener->route(text, handler);
        if (status == AGH_OK) return;
        const std::string what =
            std::string{"hub: cannot serve "} + path + " on listener \"" + config_.listener + "\": ";
        if (status == AGH_E_NOT_FOUND) {
            throw Error{"INVALID_REQUEST",
                        what + "no such listener is configured. Add it to listeners:, or name another in "
                               "plugins.hub.config.listener."};
        }
        throw Error{"INTERNAL",
                    what + (status == AGH_E_BUSY ? "another plugin has claimed it"
                                                 : std::string{status_name(status)}),
                    status};
    }

    void action(Request request)
    {
        if (!parts_) return; // answered by the wrapper
        const std::string name{request.action()}, params{request.params()};
        const auto held = std::make_shared<Request>(std::move(request));
        const auto reply = std::make_shared<Reply>(Reply{
            .ok = [held](const std::string& json) { held->reply(json); },
            .fail = [held](std::string_view code, const std::string& message) { held->fail(code, message); },
            .stream = [held](std::uint32_t channel, std::uint64_t offset,
                             std::string_view bytes) { return held->stream(channel, offset, bytes); },
            .progress = [held](const std::string& json) { held->progress(json); }});
        const bool streams = name == "hub.exec" || name == "hub.attach" || name == "hub.server_follow";
        const Reply* const key = reply.get(); // its request outlives the callbacks
        Hub& hub = parts_->hub;
        if (streams) held->on_writable([&hub, key] { hub.writable(key); });
        hub.call(name, params, reply);
        if (streams || name == "hub.server_do") held->on_cancel([&hub, key] { hub.left(key); });
    }

    Context& context_;
    Config config_;
    std::unique_ptr<Parts> parts_;
};

} // namespace agenthost::hub

AGENTHOST_PLUGIN(agenthost::hub::HubPlugin)
