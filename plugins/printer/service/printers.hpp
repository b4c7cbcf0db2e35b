// The printers of this node: configured ones, those on USB, and network printers that servers may name. Gives
// each an owner when it gets its first job, and finds the one that a request means.
//
// The printer loop's thread. More than 25 members: what is known of a printer comes from four sources.
#pragma once

#include "config.hpp"
#include "order.hpp"
#include "owner.hpp"

#include "plugins/printer/network/connector.hpp"
#include "plugins/printer/usb/bus.hpp"

#include "base/json_writer.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace agenthost::printer::service {

struct LastTest {
    bool success = false;
    std::int64_t at_ms = 0; // UTC; 0: never
};
struct LastError {
    std::string code, message;
    std::int64_t at_ms = 0; // 0: none
};

struct Printer {
    std::string key; // in the store; stays when the name changes
    KnownPrinter known;
    std::uint16_t vendor = 0, product = 0;
    std::string serial, model;
    std::optional<network::PrinterAddress> address;
    usb::DeviceNumber device = 0; // 0: not plugged in
    std::string alias, role;
    bool is_default = false, configured = false;
    Profile profile;
    LastTest test;
    LastError error;
    job::Trouble told = job::Trouble::none; // what was logged last
    std::uint64_t named = 0;                // its address, by a server: the turn of the last time
    std::unique_ptr<Owner> owner;           // from its first job on

    [[nodiscard]] bool there() const { return address.has_value() || device != 0; }
    [[nodiscard]] Recipient recipient() const { return {key, alias, profile}; }
    // For messages: its alias, or else its name.
    [[nodiscard]] const std::string& label() const { return alias.empty() ? key : alias; }
};

class Printers {
public:
    static constexpr std::size_t max_printers = 256;
    // Servers that name one address after the other leave space for what is plugged in.
    static constexpr std::size_t kept_for_usb = 64;

    struct Hooks {
        std::function<void(Printer&, job::JobId, const job::Progress&)> ended;
        std::function<void()> changed;
    };
    Printers(boost::asio::io_context&, const Config&, store::StoreThread&, Hooks);

    ~Printers();
    Printers(const Printers&) = delete;
    Printers& operator=(const Printers&) = delete;

    // Jobs of the last run go to their printers.
    void start(const store::Store::Loaded&);

    struct Found {
        Printer* printer = nullptr;
        Problem problem;
    };
    Found find(const Target&);
    Owner& owner_of(Printer&);
    // Asks the printers that are idle how they are, all at once; `done` follows within look_bound.
    void look(const std::vector<Printer*>&, std::function<void()> done);
    Printer* of_job(job::JobId);
    // Of a stored job, also when it has ended; null: nobody knows it any more.
    [[nodiscard]] const Printer* with_key(const std::string& key) const;
    void forget_job(job::JobId id) { jobs_.erase(id); }
    void remember_job(job::JobId id, Printer& printer) { jobs_[id] = &printer; }

    [[nodiscard]] const std::vector<std::unique_ptr<Printer>>& all() const { return printers_; }
    // The first search for USB printers has ended.
    [[nodiscard]] bool searched() const;
    // Returns why USB does not work, or "" if it works or is switched off.
    [[nodiscard]] std::string usb_trouble() const;
    void tested(Printer&, bool success, std::int64_t now_ms);
    // task_config: merges the updates with the settings, which are used at once; `done` follows when they
    // are on the disk. A problem that is returned changes nothing, and nothing follows.
    Problem configure(const nlohmann::json& updates, store::StoreThread::Done done);

private:
    Printer& add(std::string key);
    void look_at_usb();
    void apply_settings();
    void apply_profile(Printer&);
    void read_settings(const store::Store::Loaded&);
    void read_first_confirmation(const store::Store::Loaded&);
    void save_usb();
    void open(Printer&, OpenDone);
    Found among(const Wanted&, bool there_only);
    Found by_address(const network::PrinterAddress&);
    bool forget_an_address();
    Printer* by_text(const std::string&, bool& several);

    boost::asio::io_context& io_;
    const Config& config_;
    store::StoreThread& store_;
    Hooks hooks_;
    KnownPrinters known_;
    nlohmann::json settings_ = nlohmann::json::object();
    std::vector<std::unique_ptr<Printer>> printers_;
    std::map<job::JobId, Printer*> jobs_;
    std::map<std::string, std::vector<job::Ticket>> waiting_; // restored, by key
    std::map<std::string, std::uint64_t> dirty_;
    std::uint64_t first_confirmation_ = 0; // job::Options
    std::uint64_t turn_ = 0;               // Printer::named
    network::Connector connector_;
    std::unique_ptr<usb::Bus> bus_;
};

// A member of printer.list, and of the heartbeat's devices. A fact changes when the printer does, so the fact
// does not say when the printer was asked last.
enum class Told : std::uint8_t { answer, fact };
void write_printer(base::JsonWriter&, const Printer&, Told = Told::answer);

// The fact "devices": as many printers as fit into `max_bytes`. The default printer and those of the configuration
// go before others, and all are in their usual order.
struct Devices {
    std::string json;
    std::size_t left_out = 0;
    bool operator==(const Devices&) const = default;
};
Devices devices_fact(const std::vector<std::unique_ptr<Printer>>&, std::size_t max_bytes);

} // namespace agenthost::printer::service
