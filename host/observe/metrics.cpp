#include "metrics.hpp"
#include "base/json_depth.hpp"

#include <nlohmann/json.hpp>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/metric_family.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <variant>
#include <vector>

namespace agenthost::host {

namespace {

using json = nlohmann::json;

// From 100 us to about 100 s, two buckets per decade, to cover both inline answers and long transfers.
const prometheus::Histogram::BucketBoundaries seconds_buckets{0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1,
                                                              0.3,    1,      3,     10,    30,   100};

bool is_name(std::string_view text)
{
    return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

constexpr std::size_t outcomes = 5;
constexpr std::array<std::string_view, outcomes> outcome_names{"success", "error", "not_started", "unknown",
                                                               "interrupted"}; // as wire::Outcome counts them
static_assert(static_cast<std::size_t>(wire::Outcome::interrupted) + 1 == outcomes);

constexpr std::string_view other = "other";

class FamilySheet final : public Sheet {
public:
    void gauge(std::string_view name, std::string_view help, double value, Labels labels) override
    {
        if (auto* metric = add(name, help, prometheus::MetricType::Gauge, labels))
            metric->gauge.value = value;
    }
    void counter(std::string_view name, std::string_view help, double value, Labels labels) override
    {
        if (auto* metric = add(name, help, prometheus::MetricType::Counter, labels))
            metric->counter.value = value;
    }
    std::vector<prometheus::MetricFamily> families;

private:
    prometheus::ClientMetric* add(std::string_view name, std::string_view help, prometheus::MetricType type,
                                  Labels labels)
    {
        if (++samples_ > max_samples) return nullptr;
        auto family = std::ranges::find(families, name, &prometheus::MetricFamily::name);
        if (family == families.end()) {
            families.push_back({});
            family = families.end() - 1;
            family->name = name;
            family->help = help;
            family->type = type;
        }
        auto& metric = family->metric.emplace_back();
        for (const auto& [key, value] : labels)
            metric.label.push_back({std::string{key}, std::string{value}});
        return &metric;
    }
    std::size_t samples_ = 0;
};

struct Slot {
    std::string plugin, definition; // the definition as given: an equal one is the same metric
    std::variant<prometheus::Counter*, prometheus::Gauge*, prometheus::Histogram*> metric;
};

} // namespace

struct Metrics::Impl {
    std::mutex mutex;
    prometheus::Registry registry;
    std::vector<Slot> slots;                       // id = index + 1
    std::map<std::string, std::size_t> label_sets; // full name -> how many

    prometheus::Family<prometheus::Counter>* commands = nullptr;
    prometheus::Family<prometheus::Histogram>* seconds = nullptr;
    struct Command {
        std::array<prometheus::Counter*, outcomes> ended{}; // created on first use
        prometheus::Histogram* seconds;
    };
    std::map<std::string, Command, std::less<>> by_action;
    std::pair<const std::string, Command>* last = nullptr; // bursts repeat one action

    std::pair<const std::string, Command>& command(std::string_view action)
    {
        auto at = by_action.find(action);
        if (at == by_action.end() && by_action.size() >= max_actions) at = by_action.find(action = other);
        if (at == by_action.end()) {
            const std::string name{action};
            at = by_action
                     .emplace(name, Command{.ended = {},
                                            .seconds = &seconds->Add({{"action", name}}, seconds_buckets)})
                     .first;
        }
        return *at;
    }
    std::vector<std::function<void(Sheet&)>> sources;
};

Metrics::Metrics() : impl_{std::make_unique<Impl>()}
{
    impl_->commands = &prometheus::BuildCounter()
                           .Name("agenthost_commands_total")
                           .Help("Commands by action and outcome.")
                           .Register(impl_->registry);
    impl_->seconds = &prometheus::BuildHistogram()
                          .Name("agenthost_command_seconds")
                          .Help("From admission to the answer.")
                          .Register(impl_->registry);
}

Metrics::~Metrics() = default;

agh_status Metrics::define(std::string_view plugin, std::string_view text, std::uint32_t* id)
try {
    const auto definition = base::parse_json<json>(text);
    if (!definition.is_object() || !id) return AGH_E_INVALID;
    const std::string name = definition.value("name", "");
    const std::string type = definition.value("type", "");
    if (!is_name(name)) return AGH_E_INVALID;
    std::string safe{plugin};
    std::ranges::replace(safe, '-', '_');
    const std::string full = "agenthost_plugin_" + safe + "_" + name;
    const std::string help = definition.value("help", name);
    std::map<std::string, std::string> labels;
    if (definition.contains("labels"))
        labels = definition.at("labels").get<std::map<std::string, std::string>>();
    if (!std::ranges::all_of(labels,
                             [](const auto& l) { return is_name(l.first) && l.second.size() <= 128; }))
        return AGH_E_INVALID;

    const std::lock_guard lock{impl_->mutex};
    const auto of_plugin =
        std::ranges::count_if(impl_->slots, [&](const Slot& s) { return s.plugin == plugin; });
    const auto same = std::ranges::find_if(
        impl_->slots, [&](const Slot& s) { return s.plugin == plugin && s.definition == text; });
    if (same != impl_->slots.end()) {
        *id = static_cast<std::uint32_t>(same - impl_->slots.begin()) + 1;
        return AGH_OK;
    }
    if (static_cast<std::size_t>(of_plugin) >= metrics_per_plugin * label_sets_per_metric) return AGH_E_BUSY;
    auto& sets = impl_->label_sets[full];
    if (sets >= label_sets_per_metric) return AGH_E_BUSY;
    Slot slot{std::string{plugin}, std::string{text}, {}};
    if (type == "counter")
        slot.metric = &prometheus::BuildCounter().Name(full).Help(help).Register(impl_->registry).Add(labels);
    else if (type == "gauge")
        slot.metric = &prometheus::BuildGauge().Name(full).Help(help).Register(impl_->registry).Add(labels);
    else if (type == "histogram") {
        auto buckets = definition.contains("buckets") ? definition.at("buckets").get<std::vector<double>>()
                                                      : seconds_buckets;
        if (buckets.size() > 64 || !std::ranges::is_sorted(buckets)) return AGH_E_INVALID;
        slot.metric = &prometheus::BuildHistogram()
                           .Name(full)
                           .Help(help)
                           .Register(impl_->registry)
                           .Add(labels, std::move(buckets));
    } else
        return AGH_E_INVALID;
    ++sets;
    impl_->slots.push_back(std::move(slot));
    *id = static_cast<std::uint32_t>(impl_->slots.size());
    return AGH_OK;
} catch (const std::exception&) {
    return AGH_E_INVALID; // a wrong type in the definition, or a name that exists with another type
}

void Metrics::record(std::string_view plugin, std::uint32_t id, double value)
{
    const std::lock_guard lock{impl_->mutex};
    if (id == 0 || id > impl_->slots.size() || impl_->slots[id - 1].plugin != plugin) return;
    auto& metric = impl_->slots[id - 1].metric;
    if (auto* counter = std::get_if<prometheus::Counter*>(&metric)) {
        if (value > 0) (*counter)->Increment(value);
    } else if (auto* gauge = std::get_if<prometheus::Gauge*>(&metric)) {
        (*gauge)->Set(value);
    } else {
        std::get<prometheus::Histogram*>(metric)->Observe(value);
    }
}

void Metrics::command(std::string_view action, wire::Outcome outcome, std::chrono::nanoseconds took)
{
    Impl& m = *impl_;
    if (action.empty()) action = other;
    const std::lock_guard lock{m.mutex};
    if (!m.last || m.last->first != action) m.last = &m.command(action);
    const auto which = std::min(static_cast<std::size_t>(outcome), outcomes - 1);
    auto& ended = m.last->second.ended[which];
    if (!ended)
        ended = &m.commands->Add({{"action", m.last->first}, {"outcome", std::string{outcome_names[which]}}});
    ended->Increment();
    m.last->second.seconds->Observe(std::chrono::duration<double>(took).count());
}

void Metrics::source(std::function<void(Sheet&)> read) { impl_->sources.push_back(std::move(read)); }

std::string Metrics::text()
{
    FamilySheet sheet;
    for (const auto& read : impl_->sources) read(sheet);
    const std::lock_guard lock{impl_->mutex};
    auto all = impl_->registry.Collect();
    std::ranges::move(sheet.families, std::back_inserter(all));
    return prometheus::TextSerializer{}.Serialize(all);
}

} // namespace agenthost::host
