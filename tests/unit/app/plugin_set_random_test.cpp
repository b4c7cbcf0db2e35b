// Thousands of random sequences of reload, stop, failure, slow starts and stops, and the death of runners,
// against what must hold for each.
#include "plugin_set_fixture.hpp"

#include <algorithm>
#include <map>
#include <random>

using namespace agenthost::host;
using namespace agenthost::host::testing;

namespace {

const std::vector<std::string> ids{"alpha", "beta", "gamma", "rogue"};

class Sequence {
public:
    Sequence(Parts& parts, unsigned seed) : parts_{parts}, random_{seed} { parts_.make(); }

    void step()
    {
        switch (pick(8)) {
        case 0: apply(any_wanted()); break;
        case 1:
            if (pick(40) == 0) stop();
            break;
        case 2: parts_.poll(); break;
        default: happen(); break;
        }
        check();
    }

    // Everything that is under way ends well; then the last configuration is what runs.
    void come_to_rest_and_end()
    {
        const auto last = any_wanted();
        apply(last);
        settle();
        if (stops_asked_ == 0) {
            apply(last); // those that were failing when they were asked for
            settle();
            EXPECT_EQ(answered_, asked_);
            expect_runs(last);
            stop();
        }
        settle();
        EXPECT_EQ(answered_, asked_) << "a reload waits for ever";
        EXPECT_EQ(stopped_, stops_asked_) << "the end does not come";
        EXPECT_TRUE(parts_.living.empty());
        EXPECT_TRUE(parts_.registry.all().size() == builtins_);
        parts_.set.reset();
    }

    // In the middle of everything; what was asked of the plugins answers afterwards.
    void tear_down()
    {
        std::vector<Plugin::Done> late;
        for (auto* plugin : parts_.living) {
            if (plugin->starting) late.push_back(plugin->starting);
            if (plugin->configuring) late.push_back(plugin->configuring);
            for (const auto& done : plugin->stopping) late.push_back(done);
        }
        const int before = answered_;
        parts_.set.reset();
        EXPECT_TRUE(parts_.living.empty());
        for (const auto& done : late) done({});
        parts_.poll();
        EXPECT_EQ(answered_, before);
        EXPECT_EQ(parts_.registry.all().size(), builtins_);
    }

private:
    int pick(int n) { return std::uniform_int_distribution<int>{0, n - 1}(random_); }

    struct Wanted {
        std::vector<PluginConfig> configs;
        std::vector<FoundPlugin> found;
    };
    Wanted any_wanted()
    {
        Wanted out;
        for (const auto& id : ids) {
            if (pick(4) == 0) continue;
            out.configs.push_back(
                enabled(id, std::string(1, static_cast<char>('a' + pick(3))), pick(2) == 0));
            if (pick(12) != 0) out.found.push_back(found(id, std::to_string(pick(2)) + ".0.0"));
        }
        return out;
    }
    void apply(const Wanted& wanted)
    {
        ++asked_;
        parts_.set->apply(wanted.configs, wanted.found, "/plugins",
                          [this, once = std::make_shared<int>(0)](const auto&) {
                              EXPECT_EQ(++*once, 1) << "answered twice";
                              ++answered_;
                          });
    }
    void stop()
    {
        ++stops_asked_;
        parts_.set->stop(1s, [this] {
            ++stopped_;
            for (const auto* plugin : parts_.living)
                EXPECT_FALSE(plugin->exists()) << "the end came before its end";
        });
    }
    FakePlugin* any_plugin()
    {
        if (parts_.living.empty()) return nullptr;
        return parts_.living[static_cast<std::size_t>(pick(static_cast<int>(parts_.living.size())))];
    }
    void happen()
    {
        auto* plugin = any_plugin();
        if (!plugin) return;
        switch (pick(9)) {
        case 0:
        case 1: plugin->finish_start(pick(3) == 0 ? "does not start" : ""); break;
        case 2:
        case 3: plugin->finish_stop(pick(4) == 0 ? "hangs" : ""); break;
        case 4: plugin->finish_configure(pick(3) == 0 ? "bad" : "", false); break;
        case 5: plugin->finish_configure("hangs", true); break;
        case 6: plugin->die(plugin->isolated); break;
        case 7: plugin->come_back(); break;
        default: plugin->hold(pick(2) == 0); break;
        }
    }
    bool lives(const FakePlugin* plugin) { return std::ranges::count(parts_.living, plugin) > 0; }
    void settle()
    {
        bool moved = true;
        for (int i = 0; moved && i < 1000; ++i) {
            moved = false;
            parts_.poll();
            const auto all = parts_.living; // it changes meanwhile
            for (auto* plugin : all)
                if (lives(plugin) &&
                    (plugin->finish_start({}) || plugin->finish_configure({}) || plugin->finish_stop({}))) {
                    moved = true;
                    break;
                }
        }
        EXPECT_FALSE(moved) << "it goes on for ever";
    }
    // Whatever happens, at any time.
    void check()
    {
        for (const auto* action : parts_.registry.all()) {
            if (!action->plugin) continue;
            auto* plugin = static_cast<FakePlugin*>(action->plugin);
            ASSERT_TRUE(lives(plugin)) << "an action of a plugin that is gone";
            EXPECT_TRUE(plugin->state == PluginState::running || plugin->recovering) << action->name;
        }
        std::map<std::string, int> existing;
        for (const auto* plugin : parts_.living) existing[plugin->id()] += plugin->exists();
        for (const auto& [id, count] : existing) EXPECT_LE(count, 1) << id;
    }
    void expect_runs(const Wanted& wanted)
    {
        for (const auto& config : wanted.configs) {
            SCOPED_TRACE(config.id);
            auto* plugin = parts_.of(config.id);
            const auto at = std::ranges::find(wanted.found, config.id, &FoundPlugin::id);
            if (config.id == "rogue") {
                EXPECT_FALSE(plugin && plugin->exists()) << "it cannot be offered";
                continue;
            }
            if (at == wanted.found.end() && (!plugin || !plugin->exists()))
                continue; // it is not there to be started
            ASSERT_TRUE(plugin && plugin->state == PluginState::running);
            EXPECT_EQ(plugin->config_json, config.config_json);
            EXPECT_EQ(plugin->isolated, config.isolated);
            if (config.isolated && at != wanted.found.end()) {
                EXPECT_EQ(plugin->identity, at->identity);
            }
            ASSERT_NE(parts_.action(config.id + ".go"), nullptr);
            EXPECT_EQ(parts_.action(config.id + ".go")->plugin, plugin);
        }
        for (const auto& id : ids)
            if (std::ranges::find(wanted.configs, id, &PluginConfig::id) == wanted.configs.end()) {
                EXPECT_EQ(parts_.action(id + ".go"), nullptr) << id;
                EXPECT_FALSE(parts_.of(id) && parts_.of(id)->exists()) << id;
            }
    }

    Parts& parts_;
    std::mt19937 random_;
    std::size_t builtins_ = parts_.registry.all().size();
    int asked_ = 0, answered_ = 0, stops_asked_ = 0, stopped_ = 0;
};

TEST(PluginSet, HoldsItsPromisesInThousandsOfRandomSequences)
{
    const Quiet quiet;
    Parts parts;
    for (unsigned seed = 1; seed <= 3000 && !::testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Sequence sequence{parts, seed};
        for (int i = 0; i < 80 && !::testing::Test::HasFatalFailure(); ++i) sequence.step();
        if (seed % 3 == 0)
            sequence.tear_down();
        else
            sequence.come_to_rest_and_end();
    }
}

} // namespace
