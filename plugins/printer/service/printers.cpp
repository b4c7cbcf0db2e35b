#include "printers.hpp"

#include "base/ascii.hpp"
#include "base/iso8601.hpp"
#include "base/parse_number.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace agenthost::printer::service {

namespace {

using Json = nlohmann::json;

std::string network_key(const network::PrinterAddress& address) { return "net:" + address.text(); }

Json json_of(const KnownPrinter& known, const Printer* printer)
{
    Json out{{"name", known.name}, {"former", known.former}, {"port", known.port}};
    if (printer != nullptr) {
        out["key"] = printer->key;
        out["vendor"] = printer->vendor;
        out["product"] = printer->product;
        out["serial"] = printer->serial;
        out["model"] = printer->model;
    }
    return out;
}

std::string dumped(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

} // namespace

Printers::Printers(boost::asio::io_context& io, const Config& config, store::StoreThread& store, Hooks hooks)
    : io_{io}, config_{config}, store_{store}, hooks_{std::move(hooks)},
      connector_{io, {.connect = config.connect_timeout}}
{}

// Links end before the bus that they are on.
Printers::~Printers() { printers_.clear(); }

Printer& Printers::add(std::string key)
{
    printers_.push_back(std::make_unique<Printer>());
    Printer& out = *printers_.back();
    out.key = std::move(key);
    out.known.name = out.key;
    return out;
}

void Printers::start(const store::Store::Loaded& loaded)
{
    dirty_ = loaded.dirty;
    for (const store::Job& job : loaded.open) waiting_[job.printer].push_back(job.ticket());
    read_settings(loaded);
    read_first_confirmation(loaded);
    for (const DeviceConfig& device : config_.devices)
        if (device.address) add(network_key(*device.address)).address = device.address;
    // Printers that a server named, or that are configured no more, keep their jobs.
    for (const auto& waiting : waiting_) {
        const std::string& key = waiting.first;
        const bool there = std::ranges::any_of(printers_, [&](const auto& one) { return one->key == key; });
        if (there) continue;
        Printer& printer = add(key);
        std::string why;
        if (key.starts_with("net:")) printer.address = network::parse_address(key.substr(4), why);
    }
    apply_settings();
    for (const auto& printer : printers_) {
        apply_profile(*printer);
        const auto waiting = waiting_.find(printer->key);
        if (waiting == waiting_.end()) continue;
        for (const job::Ticket& ticket : waiting->second) jobs_[ticket.id] = printer.get();
        (void)owner_of(*printer);
    }
    if (!config_.usb) return;
    bus_ = std::make_unique<usb::Bus>(io_, usb::Options{});
    bus_->start([this] { look_at_usb(); });
}

void Printers::read_settings(const store::Store::Loaded& loaded)
{
    const auto setting = [&](const char* key) {
        const auto found = loaded.settings.find(key);
        Json json = Json::parse(found == loaded.settings.end() ? "{}" : found->second, nullptr, false);
        return json.is_object() ? json : Json::object();
    };
    settings_ = setting("config");
    // What an earlier version stored without a check must not prevent the start.
    if (!check_settings(settings_).code.empty()) settings_ = Json::object();
    const Json usb = setting("usb");
    for (const Json& name : usb.value("shared", Json::array()))
        known_.shared.push_back(name.get<std::string>());
    for (const Json& one : usb.value("printers", Json::array())) {
        KnownPrinter known{one.value("name", std::string{}), one.value("former", std::vector<std::string>{}),
                           one.value("port", std::string{})};
        known_.printers.push_back(known);
        if (!one.contains("key") || printers_.size() >= max_printers) continue;
        Printer& printer = add(one.value("key", std::string{}));
        printer.known = std::move(known);
        printer.vendor = one.value("vendor", std::uint16_t{0});
        printer.product = one.value("product", std::uint16_t{0});
        printer.serial = one.value("serial", std::string{});
        printer.model = one.value("model", std::string{});
    }
}

// It is on the disk before the first job is: the store keeps the order.
void Printers::read_first_confirmation(const store::Store::Loaded& loaded)
{
    constexpr const char* key = "first_confirmation";
    const auto stored = loaded.settings.find(key);
    if (stored != loaded.settings.end())
        if (const auto number = base::parse_number<std::uint64_t>(stored->second)) {
            first_confirmation_ = *number;
            return;
        }
    std::random_device random;
    first_confirmation_ = std::uniform_int_distribution<std::uint64_t>{0, process_id_count - 1}(random);
    store_.run(
        [text = std::to_string(first_confirmation_)](store::Store& store) { store.put_setting(key, text); },
        nullptr, key);
}

void Printers::save_usb()
{
    Json out{{"shared", known_.shared}, {"printers", Json::array()}};
    for (const KnownPrinter& known : known_.printers) {
        const auto printer =
            std::ranges::find_if(printers_, [&](const auto& one) { return one->known.name == known.name; });
        out["printers"].push_back(json_of(known, printer == printers_.end() ? nullptr : printer->get()));
    }
    store_.run([text = dumped(out)](store::Store& store) { store.put_setting("usb", text); }, nullptr, "usb");
}

void Printers::look_at_usb()
{
    const std::vector<usb::Facts> facts = bus_->printers();
    std::vector<PresentPrinter> present;
    for (const usb::Facts& one : facts)
        present.push_back({one.vendor, one.product, one.serial, one.device_id, one.port});
    const KnownPrinters before = known_;
    const std::vector<std::string> names = name_printers(present, known_);
    for (const auto& printer : printers_) printer->device = 0;
    for (std::size_t i = 0; i < facts.size(); ++i) {
        const auto known = std::ranges::find(known_.printers, names[i], &KnownPrinter::name);
        const auto found = std::ranges::find_if(printers_, [&](const auto& one) {
            return known != known_.printers.end() && !one->address &&
                   (is_called(*known, one->key) || is_called(*known, one->known.name));
        });
        if (found == printers_.end() && printers_.size() >= max_printers) continue;
        Printer& printer = found == printers_.end() ? add(names[i]) : **found;
        if (known != known_.printers.end()) printer.known = *known;
        printer.vendor = facts[i].vendor;
        printer.product = facts[i].product;
        printer.serial = facts[i].serial;
        printer.model = facts[i].model;
        printer.device = facts[i].number;
    }
    apply_settings();
    for (const auto& printer : printers_) {
        if (!printer->owner) apply_profile(*printer);
        if (printer->owner && printer->device != 0) printer->owner->wake();
    }
    if (known_ != before) save_usb();
    hooks_.changed();
}

// Alias, role and default: from the configuration, then from task_config.
void Printers::apply_settings()
{
    for (const auto& printer : printers_) {
        printer->alias = printer->role = {};
        printer->is_default = printer->configured = false;
    }
    for (const DeviceConfig& device : config_.devices) {
        const Found found = device.address ? by_address(*device.address) : among(device.wanted, false);
        if (found.printer == nullptr) continue; // absent, or two fit: nobody guesses
        found.printer->alias = device.alias;
        found.printer->role = device.role;
        found.printer->is_default = device.is_default;
        found.printer->configured = true;
    }
    const auto named = settings_.find("printers");
    for (const Json& one : named == settings_.end() ? Json::array() : *named) {
        const TargetOrProblem target = read_target(one);
        if (!target.problem.code.empty()) continue;
        const Found found = find(target.target);
        if (found.printer == nullptr) continue;
        for (const auto& [key, to] :
             {std::pair{"alias", &found.printer->alias}, std::pair{"role", &found.printer->role}})
            if (const auto name = one.find(key); name != one.end())
                *to = name->is_null() ? std::string{} : name->get<std::string>();
    }
    const auto chosen = settings_.find("defaultPrinter");
    if (chosen == settings_.end()) return;
    const TargetOrProblem target = read_target(Json{{"printer", *chosen}});
    if (!target.problem.code.empty() || !target.target.anything()) return;
    const Found found = find(target.target);
    for (const auto& printer : printers_) printer->is_default = printer.get() == found.printer;
}

// Before the owner begins: a job is made for one profile.
void Printers::apply_profile(Printer& printer)
{
    const std::string_view detected = profile_for(printer.vendor, printer.product, printer.model);
    Json overrides = Json::object();
    for (const DeviceConfig& device : config_.devices) {
        const Found found = device.address ? by_address(*device.address) : among(device.wanted, false);
        if (found.printer == &printer) overrides = device.profile;
    }
    printer.profile = configured_profile(overrides, detected, "devices").profile;
}

Owner& Printers::owner_of(Printer& printer)
{
    if (printer.owner) return *printer.owner;
    const bool usb = !printer.address;
    job::Options options{.model = printer.profile.model,
                         .continues = usb,
                         .keep_open = usb,
                         .queue = config_.queue,
                         .first_confirmation = first_confirmation_};
    Owner::Parts parts{
        .io = io_,
        .store = store_,
        .open = [this, &printer](OpenDone done) { open(printer, std::move(done)); },
        .ended = [this, &printer](job::JobId id,
                                  const job::Progress& progress) { hooks_.ended(printer, id, progress); },
        .changed = hooks_.changed};
    printer.owner = std::make_unique<Owner>(printer.key, std::move(options), std::move(parts));
    const auto dirty = dirty_.find(printer.key);
    auto waiting = waiting_.extract(printer.key);
    printer.owner->start(waiting ? std::move(waiting.mapped()) : std::vector<job::Ticket>{},
                         dirty == dirty_.end() ? std::nullopt : std::optional{dirty->second});
    return *printer.owner;
}

void Printers::look(const std::vector<Printer*>& printers, std::function<void()> done)
{
    const auto left = std::make_shared<std::size_t>(1);
    const auto one = [left, done = std::move(done)] {
        if (--*left == 0) done();
    };
    for (Printer* const printer : printers) {
        if (!printer->there()) continue;
        ++*left;
        owner_of(*printer).look(one);
    }
    one();
}

void Printers::open(Printer& printer, OpenDone done)
{
    if (printer.address) return connector_.open(*printer.address, printer.profile.model, std::move(done));
    if (bus_ && printer.device != 0)
        return bus_->open(printer.device, printer.profile.model, std::move(done));
    done({nullptr,
          OpenError{OpenError::Kind::not_found,
                    "Printer " + printer.label() + " is not plugged in. Its jobs wait until it is back."}});
}

Printers::Found Printers::find(const Target& target)
{
    if (target.address) return by_address(*target.address);
    if (!target.text.empty()) {
        bool several = false;
        if (Printer* printer = by_text(target.text, several)) return {printer, {}};
        if (several)
            return {nullptr, problem(code::printer_ambiguous, "Several printers are called " + target.text)};
        std::string why;
        const auto address = network::parse_address(target.text, why);
        const bool looks_like_one = address && target.text.find_first_of(".:") != std::string::npos;
        if (looks_like_one) return by_address(*address);
    }
    Wanted wanted = target.wanted;
    if (!target.text.empty()) wanted.printer = target.text;
    if (!wanted.anything())
        for (const auto& printer : printers_)
            if (printer->is_default) return {printer.get(), {}};
    Found found = among(wanted, true);
    if (found.printer != nullptr || found.problem.code == code::printer_ambiguous) return found;
    // One that was here before gets the job when it is back.
    Found absent = among(wanted, false);
    return absent.printer != nullptr ? absent : found;
}

Printers::Found Printers::among(const Wanted& wanted, bool there_only)
{
    std::vector<Candidate> candidates;
    std::vector<Printer*> meant;
    for (const auto& printer : printers_) {
        if (there_only && !printer->there()) continue;
        candidates.push_back({printer->known, printer->vendor, printer->product, printer->alias,
                              printer->serial, printer->is_default});
        meant.push_back(printer.get());
    }
    const Match found = match(wanted, candidates);
    if (!found.found) return {nullptr, found.problem};
    return {meant[*found.found], {}};
}

Printer* Printers::by_text(const std::string& text, bool& several)
{
    const std::string address = base::to_lower(text);
    const auto named = [&](const Printer& one) {
        return one.alias == text || is_called(one.known, text) || one.key == text ||
               (one.address && one.address->text() == address);
    };
    const auto only = [&](auto fits) {
        Printer* out = nullptr;
        for (const auto& printer : printers_) {
            if (!fits(*printer)) continue;
            several = several || out != nullptr;
            out = printer.get();
        }
        return several ? nullptr : out;
    };
    if (Printer* const printer = only(named); printer != nullptr || several) return printer;
    return only([&](const Printer& one) { return one.role == text; });
}

Printers::Found Printers::by_address(const network::PrinterAddress& address)
{
    for (const auto& printer : printers_)
        if (printer->address == address) {
            printer->named = ++turn_;
            return {printer.get(), {}};
        }
    if (auto refused = config_.allowed.refuse(address)) return {nullptr, std::move(*refused)};
    if (printers_.size() >= max_printers - kept_for_usb && !forget_an_address())
        return {nullptr,
                problem(code::queue_full, "This node knows " + std::to_string(printers_.size()) +
                                              " printers, and each is configured or has jobs; no "
                                              "further address is accepted until one has printed them")};
    Printer& printer = add(network_key(address));
    printer.address = address;
    printer.named = ++turn_;
    apply_profile(printer);
    return {&printer, {}};
}

// The one that no server has named for the longest time. Its ended jobs stay in the store.
bool Printers::forget_an_address()
{
    auto oldest = printers_.end();
    for (auto one = printers_.begin(); one != printers_.end(); ++one) {
        const Printer& printer = **one;
        const bool named_only = printer.address && !printer.configured && !printer.is_default &&
                                printer.alias.empty() && printer.role.empty();
        if (!named_only || (printer.owner && !printer.owner->at_rest()) || waiting_.contains(printer.key))
            continue;
        if (oldest == printers_.end() || printer.named < (*oldest)->named) oldest = one;
    }
    if (oldest == printers_.end()) return false;
    if ((*oldest)->owner) dirty_.erase((*oldest)->key); // what the last run left is done
    printers_.erase(oldest);
    return true;
}

Printer* Printers::of_job(job::JobId id)
{
    const auto found = jobs_.find(id);
    return found == jobs_.end() ? nullptr : found->second;
}

const Printer* Printers::with_key(const std::string& key) const
{
    const auto found = std::ranges::find_if(printers_, [&](const auto& one) { return one->key == key; });
    return found == printers_.end() ? nullptr : found->get();
}

bool Printers::searched() const { return !bus_ || bus_->settled(); }
std::string Printers::usb_trouble() const { return bus_ ? bus_->trouble() : std::string{}; }

void Printers::tested(Printer& printer, bool success, std::int64_t now_ms)
{
    printer.test = {success, now_ms};
    hooks_.changed();
}

Problem Printers::configure(const Json& updates, store::StoreThread::Done done)
{
    if (Problem wrong = check_settings(updates); !wrong.code.empty()) return wrong;
    Json merged = settings_;
    merged.merge_patch(updates);
    const std::string text = dumped(merged);
    if (text.size() > store::max_setting_bytes)
        return problem(code::too_large, "With these the settings have " + std::to_string(text.size()) +
                                            " bytes; " + std::to_string(store::max_setting_bytes) +
                                            " are allowed. Set to null what is not needed");
    settings_ = std::move(merged);
    store_.run([text](store::Store& store) { store.put_setting("config", text); }, std::move(done), "config");
    apply_settings();
    hooks_.changed();
    return {};
}

void write_printer(base::JsonWriter& json, const Printer& printer, Told told)
{
    json.object();
    if (printer.address)
        json.member("ip", printer.address->host).member("port", printer.address->port);
    else
        json.member("vendorId", printer.vendor).member("productId", printer.product);
    if (!printer.serial.empty()) json.member("serial", printer.serial);
    json.member("name", printer.key).member("alias", printer.alias).member("role", printer.role);
    json.member("isDefault", printer.is_default).member("profile", printer.profile.name);
    const auto* machine = printer.owner ? &printer.owner->machine() : nullptr;
    const bool busy = machine != nullptr && machine->current() != nullptr;
    // What a printer reported before it was unplugged says nothing now.
    const bool known = printer.owner && (printer.there() || !printer.owner->idle());
    const job::Condition condition = known ? printer.owner->condition() : job::Condition{};
    const job::Trouble trouble = condition.trouble;
    const char* state = trouble != job::Trouble::none ? job::to_string(trouble)
                        : !printer.there()            ? job::to_string(job::Trouble::absent)
                        : busy                        ? "printing"
                                                      : "ready";
    json.member("status", state);
    if (trouble != job::Trouble::none) json.member("reason", condition.text);
    if (told == Told::answer && known && printer.owner->looked_at_ms() != 0)
        json.member("checkedAt", base::iso8601(printer.owner->looked_at_ms()));
    json.member("queued", machine != nullptr ? machine->queue().size() + (busy ? 1 : 0) : 0);
    if (printer.test.at_ms != 0)
        json.object("lastTest")
            .member("status", printer.test.success ? "success" : "error")
            .member("timestamp", base::iso8601(printer.test.at_ms))
            .end();
    if (printer.error.at_ms != 0)
        json.object("lastError")
            .member("code", printer.error.code)
            .member("message", printer.error.message)
            .member("timestamp", base::iso8601(printer.error.at_ms))
            .end();
    json.end();
}

Devices devices_fact(const std::vector<std::unique_ptr<Printer>>& printers, std::size_t max_bytes)
{
    struct Device {
        std::string json;
        int rank;
        bool fits = false;
    };
    std::vector<Device> all;
    for (const auto& printer : printers) {
        if (!printer->there() && !printer->configured) continue;
        Device& device = all.emplace_back(Device{{}, printer->is_default ? 0 : printer->configured ? 1 : 2});
        base::JsonWriter json{device.json};
        write_printer(json, *printer, Told::fact);
    }
    std::size_t size = std::string_view{"[]"}.size();
    for (int rank = 0; rank <= 2; ++rank)
        for (Device& device : all) {
            if (device.rank != rank || size + device.json.size() + 1 > max_bytes) continue;
            size += device.json.size() + 1;
            device.fits = true;
        }
    Devices out;
    base::JsonWriter json{out.json};
    json.array();
    for (const Device& device : all) {
        if (device.fits)
            json.value(base::RawJson{device.json});
        else
            ++out.left_out;
    }
    json.end();
    return out;
}

} // namespace agenthost::printer::service
