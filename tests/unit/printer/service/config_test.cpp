#include "plugins/printer/content/commit.hpp"
#include "plugins/printer/render/renderer.hpp"
#include "plugins/printer/service/config.hpp"
#include "plugins/printer/service/order.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace agenthost::printer::service {
namespace {

using Json = nlohmann::json;

std::string refused(const char* json)
{
    try {
        (void)parse_config(json);
    } catch (const std::exception& e) {
        return e.what();
    }
    return {};
}

TEST(PrinterConfig, ReadsDevices)
{
    const Config config = parse_config(R"({"devices":[
        {"alias":"Kitchen","role":"food","vendor_id":"0x04b8","product_id":3605,"default":true},
        {"alias":"Bar","address":"192.168.1.50","overrides":{"commit":"raster","commit_buffer":65536}}],
        "allow_addresses":["10.0.0.0/8"],"max_job_bytes":"1MiB"})");
    ASSERT_EQ(config.devices.size(), 2u);
    EXPECT_EQ(config.devices[0].wanted.vendor, 0x04b8);
    EXPECT_EQ(config.devices[0].wanted.product, 3605);
    EXPECT_TRUE(config.devices[0].is_default);
    EXPECT_EQ(config.devices[1].address->text(), "192.168.1.50:9100");
    EXPECT_EQ(config.max_job_bytes, 1u << 20);
}

TEST(PrinterConfig, SaysWhichKeyIsWrong)
{
    EXPECT_NE(refused(R"({"devices":[{"alias":"x"}]})").find("devices[0]: names no printer"),
              std::string::npos);
    EXPECT_NE(refused(R"({"devices":[{"vendor_id":"zz"}]})").find("devices[0].vendor_id"), std::string::npos);
    EXPECT_NE(refused(R"({"devices":[{"address":"a b"}]})").find("devices[0].address"), std::string::npos);
    EXPECT_NE(refused(R"({"devices":[{"address":"a","serial":"b"}]})").find("Give one"), std::string::npos);
    EXPECT_NE(
        refused(R"({"devices":[{"address":"a","alias":"x"},{"address":"b","alias":"x"}]})").find("alias"),
        std::string::npos);
    EXPECT_NE(refused(R"({"devices":[{"address":"a","default":true},{"address":"b","default":true}]})")
                  .find("devices[1].default"),
              std::string::npos);
    EXPECT_NE(refused(R"({"allow_addresses":["10.0.0.1/8"]})").find("allow_addresses[0]"), std::string::npos);
    EXPECT_NE(refused(R"({"max_job_bytes":"lots"})").find("max_job_bytes"), std::string::npos);
}

TEST(PrinterConfig, RefusesWhatCouldNotWork)
{
    const auto says = [](const char* json, const char* what) {
        const std::string why = refused(json);
        EXPECT_NE(why.find(what), std::string::npos) << json << ": " << why;
    };
    says(R"({"devices":[{"serial":"ABCD","alias":"x"},{"serial":"ABCD","alias":"y"}]})",
         "devices[1]: means the same");
    says(R"({"devices":[{"address":"a","alias":"\u001b[31m"}]})", "devices[0].alias");
    says(R"({"devices":[{"address":"a","role":"\n"}]})", "devices[0].role");
    says(R"({"devices":[{"address":"10.0.0.1:0"}]})", "devices[0].address");
    says(R"({"devices":[{"address":"[::1]:0"}]})", "devices[0].address");
    says(R"({"connect_timeout":"0s"})", "connect_timeout");
    says(R"({"connect_timeout":"500h"})", "connect_timeout");
    says(R"({"max_job_bytes":"8MiB","queue_bytes":"8MiB"})", "queue_bytes");
    EXPECT_EQ(refused(R"({"devices":[{"address":"[::1]"},{"address":"10.0.0.1"}],"max_job_bytes":"7MiB",)"
                      R"("queue_bytes":"8MiB","connect_timeout":"1s"})"),
              "");
    EXPECT_NE(read_target(Json::parse(R"({"printer":{"ip":"10.0.0.1","port":0}})")).problem.code, "");
}

TEST(PrinterOrder, ReadsThePrinterThatIsMeant)
{
    EXPECT_FALSE(read_target(Json::object()).target.anything());
    const Target usb =
        read_target(Json::parse(R"({"printer":{"vendorId":4070,"productId":"0x811e"}})")).target;
    EXPECT_EQ(usb.wanted.vendor, 4070);
    EXPECT_EQ(usb.wanted.product, 0x811e);
    EXPECT_EQ(read_target(Json::parse(R"({"printer":{"ip":"10.0.0.5","port":9101}})")).target.address->text(),
              "10.0.0.5:9101");
    EXPECT_EQ(read_target(Json::parse(R"({"printer":"Kitchen"})")).target.text, "Kitchen");
    EXPECT_EQ(read_target(Json::parse(R"({"printer":{"ip":"x y"}})")).problem.code, "INVALID_REQUEST");
    EXPECT_EQ(read_target(Json::parse(R"({"printer":{"colour":1}})")).problem.code, "INVALID_REQUEST");
}

TEST(PrinterOrder, PrintsBytesAsTheyAreAndTextInTheProfilesPages)
{
    const Profile profile = find_profile("default").value();
    const auto content = [&](const char* json) { return read_content(Json::parse(json), profile, 1'000); };
    EXPECT_EQ(content(R"({"data":"G0AA"})").bytes, (std::string{"\x1b@\0", 3}));
    EXPECT_NE(content(R"({"text":"Hello"})").bytes.find("Hello"), std::string::npos);
    EXPECT_NE(content(R"({"data":"Hello","encoding":"text"})").bytes.find("Hello"), std::string::npos);
    EXPECT_EQ(content(R"({"data":"%%"})").problem.code, "INVALID_REQUEST");
    EXPECT_EQ(content(R"({})").problem.code, "INVALID_REQUEST");
    EXPECT_EQ(content(R"({"data":"SGk=","charset":"klingon"})").problem.code, "CHARSET_UNSUPPORTED");
    EXPECT_EQ(read_content(Json{{"data", std::string(4'000, 'A')}}, profile, 1'000).problem.code,
              "TOO_LARGE");
}

render::Picture drawn(const std::string& job, int width)
{
    render::Options options;
    options.width = width;
    options.cut_marks = false;
    return render::render({reinterpret_cast<const std::uint8_t*>(job.data()), job.size()}, options).picture;
}

// Rows that are not white, from the first to the last.
std::vector<std::vector<std::uint8_t>> ink(const render::Picture& picture)
{
    std::vector<std::vector<std::uint8_t>> out;
    std::size_t last = 0;
    for (int y = 0; y < picture.height(); ++y) {
        const auto row = picture.row(y);
        const bool black = std::ranges::any_of(row, [](std::uint8_t byte) { return byte != 0; });
        if (!black && out.empty()) continue;
        out.emplace_back(row.begin(), row.end());
        if (black) last = out.size();
    }
    out.resize(last);
    return out;
}

TEST(PrinterOrder, ACommittedJobPutsTheSameOnPaper)
{
    Profile profile = find_profile("default").value();
    profile.model.commit_buffer = 1 << 20;
    Content plain;
    plain.bytes = "\x1b@\x1b"
                  "a\x01Shop\n\x1b"
                  "a";
    plain.bytes += std::string(1, '\0') + "2 x Tea   4.20\n\x1dk\x04"
                                          "CODE39";
    plain.bytes += std::string(1, '\0') + "\n\n\n\x1dVB" + std::string(1, '\0');
    const auto expected = ink(drawn(plain.bytes, static_cast<int>(profile.dots)));
    ASSERT_GT(expected.size(), 100u);
    for (const Commit mode : {Commit::page, Commit::raster}) {
        profile.model.commit = mode;
        const Content committed = with_commit(plain, profile);
        ASSERT_GT(committed.commit_at, 0u);
        EXPECT_EQ(ink(drawn(committed.bytes, static_cast<int>(profile.dots))), expected);
        const std::string kept = committed.bytes.substr(0, committed.commit_at);
        EXPECT_TRUE(ink(drawn(kept, static_cast<int>(profile.dots))).empty()) << "printed too early";
    }
}

TEST(PrinterOrder, CommitsAPictureByItsLastBytes)
{
    Profile profile = find_profile("default").value();
    profile.model.commit = Commit::raster;
    profile.model.commit_buffer = 1 << 20;
    Content content;
    content.bytes = "\x1b@Hello\n\n\n\x1dVB";
    content.bytes += '\0';
    const Content committed = with_commit(content, profile);
    EXPECT_GT(committed.commit_at, 0u);
    EXPECT_LE(committed.bytes.size() - committed.commit_at, max_commit_tail);
    // A drawer cannot be drawn.
    content.bytes += std::string{"\x1bp\0\x19\x19", 5};
    EXPECT_EQ(with_commit(content, profile).commit_at, 0u);
}

} // namespace
} // namespace agenthost::printer::service
