#include "host/dispatch/deadlines.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

using namespace agenthost::host;

namespace {

TEST(Deadlines, AlwaysTellTheEarliestWhateverIsSetAndErased)
{
    Deadlines heap;
    std::map<std::uint32_t, Deadlines::Time> model;
    std::mt19937 random{7};
    for (int i = 0; i < 20'000; ++i) {
        const std::uint32_t slot = random() % 200;
        if (random() % 3) {
            const Deadlines::Time when{std::chrono::milliseconds{random() % 1000}};
            heap.set(slot, when);
            model[slot] = when;
        } else {
            heap.erase(slot);
            model.erase(slot);
        }
        ASSERT_EQ(heap.size(), model.size());
        auto least = Deadlines::Time::max();
        for (const auto& [s, when] : model) least = std::min(least, when);
        ASSERT_EQ(heap.next(), least);
        if (!model.empty()) {
            ASSERT_EQ(model.at(heap.first()), least);
        }
    }
}

} // namespace
