#include "bench.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace agenthost::bench {

double now_s()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> v)
{
    if (v.empty()) return 0;
    std::ranges::sort(v);
    return v.size() % 2 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

double percentile(std::vector<double>& v, double p)
{
    if (v.empty()) return 0;
    std::ranges::sort(v);
    return v[std::min(v.size() - 1, static_cast<std::size_t>(p / 100 * static_cast<double>(v.size())))];
}

double cpu_s(pid_t pid)
{
    double total = 0;
    std::error_code error;
    for (const auto& task :
         std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/task", error}) {
        std::ifstream in{task.path() / "schedstat"};
        double ns = 0;
        if (in >> ns) total += ns / 1e9;
    }
    return total;
}

double own_cpu_s()
{
    timespec at{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) / 1e9;
}

static std::uint64_t status_kib(pid_t pid, std::string_view key)
{
    std::ifstream in{"/proc/" + std::to_string(pid) + "/status"};
    std::string line;
    while (std::getline(in, line))
        if (line.starts_with(key)) return std::strtoull(line.c_str() + key.size(), nullptr, 10);
    return 0;
}

std::uint64_t rss_kib(pid_t pid) { return status_kib(pid, "VmRSS:"); }
std::uint64_t peak_rss_kib(pid_t pid) { return status_kib(pid, "VmHWM:"); }
void reset_peak_rss(pid_t pid) { std::ofstream{"/proc/" + std::to_string(pid) + "/clear_refs"} << "5"; }

Cost run(const std::vector<std::string>& argv, const std::map<std::string, std::string>& env)
{
    std::vector<char*> args;
    for (const auto& a : argv) args.push_back(const_cast<char*>(a.c_str()));
    args.push_back(nullptr);
    const double start = now_s();
    const pid_t pid = ::fork();
    if (pid == 0) {
        for (const auto& [k, v] : env) ::setenv(k.c_str(), v.c_str(), 1);
        const int null = ::open("/dev/null", O_RDWR);
        ::dup2(null, 0);
        ::dup2(null, 1);
        ::execvp(args[0], args.data());
        ::_exit(127);
    }
    int status = 0;
    rusage usage{};
    ::wait4(pid, &status, 0, &usage);
    Cost cost;
    cost.wall_s = now_s() - start;
    cost.cpu_s = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    cost.peak_kib = static_cast<std::uint64_t>(usage.ru_maxrss);
    cost.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return cost;
}

void Report::add(const std::string& subject, const std::string& figure, double value)
{
    if (std::ranges::find(subjects_, subject) == subjects_.end()) subjects_.push_back(subject);
    if (std::ranges::find(figures_, figure) == figures_.end()) figures_.push_back(figure);
    values_[subject][figure].push_back(value);
}

double Report::value(const std::string& subject, const std::string& figure) const
{
    const auto s = values_.find(subject);
    if (s == values_.end()) return 0;
    const auto f = s->second.find(figure);
    return f == s->second.end() ? 0 : median(f->second);
}

void Report::ratio(const std::string& text, const std::string& subject, const std::string& peer,
                   const std::string& figure, double must, double best, bool higher)
{
    const auto& ours = values_[subject][figure];
    const auto& theirs = values_[peer][figure];
    std::vector<double> each;
    for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i)
        if (theirs[i] > 0) each.push_back(ours[i] / theirs[i]);
    ratios_.push_back({text, subject, peer, figure, must, best, higher, std::move(each)});
}

void Report::limit(const std::string& text, const std::string& subject, const std::string& figure,
                   double must, double best, bool higher)
{
    ratios_.push_back({text, subject, {}, figure, must, best, higher, values_[subject][figure]});
}

int Report::print(const std::string& folder) const
{
    std::printf("\n## %s (medians of %d paired rounds)\n\n| |", name_.c_str(), rounds());
    for (const auto& f : figures_) std::printf(" %s |", f.c_str());
    std::printf("\n|---|");
    for (std::size_t i = 0; i < figures_.size(); ++i) std::printf("---|");
    std::printf("\n");
    for (const auto& s : subjects_) {
        std::printf("| %s |", s.c_str());
        for (const auto& f : figures_) {
            if (values_.at(s).contains(f))
                std::printf(" %.4g |", value(s, f));
            else
                std::printf(" |");
        }
        std::printf("\n");
    }
    int missed = 0;
    if (!ratios_.empty())
        std::printf(
            "\n| ratio or limit | got | middle half | must | best in class |\n|---|---|---|---|---|\n");
    for (const auto& r : ratios_) {
        const double got = median(r.each);
        const bool ok = r.must == 0 || (r.higher ? got >= r.must : got <= r.must);
        missed += !ok;
        std::vector<double> sorted = r.each;
        std::printf("| %s | %.3g%s | %.3g to %.3g | %.3g | %.3g |\n", r.text.c_str(), got,
                    ok ? "" : " (missed)", percentile(sorted, 25), percentile(sorted, 75), r.must, r.best);
    }
    for (const auto& n : notes_) std::printf("%s\n", n.c_str());
    std::fflush(stdout);

    std::filesystem::create_directories(folder);
    std::ofstream out{folder + "/" + name_ + ".json"};
    out << "{\"name\":\"" << name_ << "\",\"rounds\":" << rounds() << ",\"values\":{";
    const char* comma = "";
    for (const auto& s : subjects_) {
        out << comma << "\"" << s << "\":{";
        const char* inner = "";
        for (const auto& [f, v] : values_.at(s)) {
            out << inner << "\"" << f << "\":[";
            for (std::size_t i = 0; i < v.size(); ++i) out << (i ? "," : "") << v[i];
            out << "]";
            inner = ",";
        }
        out << "}";
        comma = ",";
    }
    out << "},\"ratios\":[";
    comma = "";
    for (const auto& r : ratios_) {
        out << comma << "{\"text\":\"" << r.text << "\",\"got\":" << median(r.each) << ",\"must\":" << r.must
            << ",\"best\":" << r.best << "}";
        comma = ",";
    }
    out << "]}\n";
    return missed;
}

int rounds()
{
    const char* text = std::getenv("BENCH_ROUNDS");
    return text ? std::max(1, std::atoi(text)) : 5;
}

} // namespace agenthost::bench
