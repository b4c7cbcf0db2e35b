// What is made of single lines: packed items, escape sequences, levels, the line that says a server is ready.
#include "plugins/docker/console/ansi.hpp"
#include "plugins/docker/console/done_watch.hpp"
#include "plugins/docker/console/intake.hpp"
#include "plugins/docker/console/level.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace {

using namespace agenthost::docker::console;
namespace engine = agenthost::docker::engine;

// The items refer to the batch.
std::vector<Item> items_of(Batch&&) = delete;
std::vector<Item> items_of(const Batch& batch)
{
    std::vector<Item> out;
    std::string_view packed = batch.packed;
    while (const auto item = unpack(packed)) out.push_back(*item);
    EXPECT_TRUE(packed.empty());
    return out;
}

engine::LogPart part(std::int64_t stamp, std::string_view text, bool ends_line = true)
{
    engine::LogPart part;
    part.stamp_ns = stamp;
    part.text = text;
    part.ends_line = ends_line;
    return part;
}

TEST(ConsoleItem, IsReadAsItWasPacked)
{
    std::string packed;
    const Item item{.kind = Item::Kind::entry,
                    .stream = Stream::err,
                    .continues = true,
                    .open = true,
                    .counted = true,
                    .stamp_ns = 1796025600'000000042,
                    .text = std::string_view{"a\0b", 3}};
    pack(packed, item);
    pack(packed, {.kind = Item::Kind::container, .text = "c28e"});
    std::string_view rest = packed;
    const auto first = unpack(rest);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->stream, Stream::err);
    EXPECT_TRUE(first->continues && first->open && first->counted);
    EXPECT_EQ(first->stamp_ns, item.stamp_ns);
    EXPECT_EQ(first->text, item.text);
    const auto second = unpack(rest);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->kind, Item::Kind::container);
    EXPECT_EQ(second->text, "c28e");
    EXPECT_FALSE(unpack(rest));
}

TEST(ConsoleItem, IsRefusedWhenItIsCut)
{
    std::string packed;
    pack(packed, {.text = "hello"});
    for (std::size_t size = 0; size < packed.size(); ++size) {
        std::string_view cut = std::string_view{packed}.substr(0, size);
        EXPECT_FALSE(unpack(cut)) << size;
    }
    std::mt19937 random{7};
    for (int i = 0; i < 10'000; ++i) {
        std::string noise(random() % 64, '\0');
        for (char& c : noise) c = static_cast<char>(random());
        std::string_view rest = noise;
        while (const auto item = unpack(rest)) EXPECT_LE(item->text.size(), noise.size());
    }
}

TEST(Intake, CountsEntriesFromWhereTheRingEnds)
{
    Intake intake{Mark{.next = 7, .container = "a", .log = {}, .lines = {}}};
    intake.begin("a");
    intake.part(part(10, "one"));
    intake.part(part(11, "two"));
    const auto batch = intake.take();
    EXPECT_EQ(batch.before.next, 7u);
    EXPECT_EQ(batch.entries, 2u);
    EXPECT_EQ(intake.next(), 9u);
    EXPECT_EQ(intake.begin("a"), (engine::LogPosition{10, 2, 11}));
    EXPECT_EQ(intake.take().entries, 0u);
}

TEST(Intake, BeginsTheLogOfAnotherContainerAtItsBeginning)
{
    Intake intake;
    EXPECT_EQ(intake.begin("a"), engine::LogPosition{});
    intake.part(part(10, "one"));
    EXPECT_EQ(intake.begin("b"), engine::LogPosition{});
    intake.part(part(20, "two"));
    const auto batch = intake.take();
    const auto items = items_of(batch);
    ASSERT_EQ(items.size(), 4u);
    EXPECT_EQ(items[2].kind, Item::Kind::container);
    EXPECT_EQ(items[2].text, "b");
    EXPECT_EQ(intake.begin("b"), (engine::LogPosition{20, 1, 20}));
}

TEST(Intake, JoinsThePartsOfALongLine)
{
    Intake intake;
    intake.begin("a");
    const std::string big(16 * 1024, 'x');
    intake.part(part(10, big, false));
    intake.part(part(10, big, false));
    intake.part(part(10, "end", false)); // the driver `local` has dropped its line end
    intake.part(part(11, "next"));
    const auto batch = intake.take();
    auto items = items_of(batch);
    ASSERT_EQ(items.size(), 5u);
    EXPECT_FALSE(items[1].continues);
    EXPECT_TRUE(items[2].continues);
    EXPECT_TRUE(items[3].continues);
    EXPECT_FALSE(items[4].continues);

    // Lines of stderr between them change nothing.
    auto err = part(12, "warning");
    err.stream = engine::OutputStream::err;
    intake.part(part(12, big, false));
    intake.part(err);
    intake.part(part(12, "end"));
    const auto second = intake.take();
    items = items_of(second);
    ASSERT_EQ(items.size(), 3u);
    EXPECT_FALSE(items[1].continues);
    EXPECT_TRUE(items[2].continues);
}

TEST(Intake, JoinsPartsOfPodmanWhateverTheirStamps)
{
    Intake intake;
    intake.begin("a", true);
    intake.part(part(10, "li", false));
    intake.part(part(11, "ne 6345"));
    intake.part(part(11, "line 6346"));
    const auto batch = intake.take();
    const auto items = items_of(batch);
    ASSERT_EQ(items.size(), 4u);
    EXPECT_TRUE(items[2].continues);
    EXPECT_FALSE(items[3].continues);
}

TEST(Intake, CutsAMessageThatIsLongerThanAnEntry)
{
    Intake intake;
    intake.begin("a");
    auto long_one = part(10, {});
    const std::string text(40'000, 'y');
    long_one.text = text;
    intake.part(long_one);
    const auto batch = intake.take();
    const auto items = items_of(batch);
    ASSERT_EQ(items.size(), 4u);
    std::string joined;
    for (std::size_t i = 1; i < items.size(); ++i) {
        EXPECT_EQ(items[i].counted, i == 1);
        EXPECT_EQ(items[i].continues, i > 1);
        joined += items[i].text;
    }
    EXPECT_EQ(joined, text);
    EXPECT_EQ(intake.begin("a").taken, 1u); // one message of the log
}

TEST(Escapes, AreRemoved)
{
    EXPECT_EQ(without_escapes("\x1b[1;32mDone\x1b[0m (3.2s)!\t\x07"), "Done (3.2s)!\t");
    EXPECT_EQ(without_escapes("\x1b]0;title\x07text\x1b]0;t\x1b\\more"), "textmore");
    EXPECT_EQ(without_escapes("\x1b(Ba\x1b=b\x1b[2"), "ab");
    EXPECT_EQ(without_escapes("> \r\x1b[K12"), "> 12");
    EXPECT_EQ(without_escapes("plain \xc3\xa4"), "plain \xc3\xa4");
    EXPECT_EQ(without_escapes("\x1b"), "");
    EXPECT_FALSE(has_escapes("plain\ttext \xc3\xa4"));
    EXPECT_TRUE(has_escapes("\x1b[0m"));
}

TEST(Level, IsGuessedFromWhatLoggersPrint)
{
    EXPECT_EQ(guess_level("[10:05:30] [Server thread/INFO]: player1 joined the game"), Level::info);
    EXPECT_EQ(guess_level("[10:05:30] [Server thread/WARN]: Can't keep up!"), Level::warn);
    EXPECT_EQ(guess_level("[10:05:30 ERROR]: Could not load plugin"), Level::error);
    EXPECT_EQ(guess_level("2026-11-30 10:00:00 [SEVERE] disk"), Level::error);
    EXPECT_EQ(guess_level("level=warning msg=slow"), Level::warn);
    EXPECT_EQ(guess_level("DEBUG starting"), Level::debug);
    EXPECT_EQ(guess_level("[trace] x"), Level::debug);
    EXPECT_EQ(guess_level("Error: no such file"), Level::error);
    EXPECT_EQ(guess_level("\tat com.example.Main.main(Main.java:3)"), Level::error);
    EXPECT_EQ(guess_level("panic: runtime error"), Level::error);
    // Text about errors is not one.
    EXPECT_EQ(guess_level("0 error found, no warning shown"), Level::info);
    EXPECT_EQ(guess_level("[INFO] error handling enabled"), Level::info);
    EXPECT_EQ(guess_level(std::string(200, ' ') + "ERROR"), Level::info);
    EXPECT_EQ(guess_level(""), Level::info);
}

Item line(std::string_view text)
{
    Item item;
    item.text = text;
    return item;
}
DoneWatch::Test has(std::string word)
{
    return [word](std::string_view text) { return text.find(word) != std::string_view::npos; };
}

TEST(DoneWatch, ReportsTheLineOnce)
{
    DoneWatch watch{{has("Done ("), has("ready")}};
    EXPECT_TRUE(watch.waiting());
    EXPECT_FALSE(watch.add(line("Preparing")));
    EXPECT_TRUE(watch.add(line("[INFO]: Done (3.2s)! For help")));
    EXPECT_FALSE(watch.waiting());
    EXPECT_FALSE(watch.add(line("Done (again")));
    EXPECT_FALSE(DoneWatch{}.add(line("Done (")));
}

TEST(DoneWatch, IgnoresColoursOnRequest)
{
    const auto coloured = line("\x1b[32mDo\x1b[0mne (");
    EXPECT_FALSE((DoneWatch{{has("Done (")}}.add(coloured)));
    EXPECT_TRUE((DoneWatch{{has("Done (")}, true}.add(coloured)));
}

TEST(DoneWatch, IgnoresLongLinesAndNotes)
{
    DoneWatch watch{{has("Done")}};
    EXPECT_FALSE(watch.add(line("Done" + std::string(DoneWatch::max_line, 'x'))));
    Item item = line("Done");
    item.stream = Stream::note;
    EXPECT_FALSE(watch.add(item));
    EXPECT_TRUE(watch.add(line("Done")));
}

TEST(DoneWatch, JoinsThePartsOfALine)
{
    DoneWatch watch{{[](std::string_view text) { return text == "Done!"; }}};
    const auto part = [](std::string_view text, bool continues, bool open, Stream stream = Stream::out) {
        Item item = line(text);
        item.continues = continues;
        item.open = open;
        item.stream = stream;
        return item;
    };
    EXPECT_FALSE(watch.add(part("Do", false, true)));
    EXPECT_FALSE(watch.add(part("other", false, false, Stream::err)));
    EXPECT_TRUE(watch.add(part("ne!", true, false)));

    watch = DoneWatch{{has("Done")}};
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(watch.add(part(std::string(1000, 'x'), i > 0, true)));
    EXPECT_FALSE(watch.add(part("Done", true, false))); // of a long line
    EXPECT_FALSE(watch.add(part("Do", false, true)));
    EXPECT_FALSE(watch.add(part("ne", false, false))); // the line before had lost its end
    EXPECT_TRUE(watch.add(part("Done", false, false)));
}

} // namespace
