// Source positions, and the list of all problems of a load, not only the first.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace agenthost::host::conf {

// A file, "environment" variable or -o argument. Outlives every Where that points to it.
struct Source {
    std::string name;           // as given by the user
    std::filesystem::path base; // base of relative paths in this source
    int order = 0;              // files first, then environment, then -o
};

struct Where {
    const Source* source = nullptr;
    int line = 0, column = 0; // from 1; 0: not in a file
    [[nodiscard]] std::string text() const;
};

class Problems {
public:
    void add(const Where&, std::string text);
    void warn(const Where&, std::string text);
    [[nodiscard]] bool empty() const { return problems_.empty(); }
    // In the order of the files; at most 100, the others are counted.
    [[nodiscard]] std::vector<std::string> problems() const;
    [[nodiscard]] std::vector<std::string> warnings() const;

private:
    struct Entry {
        Where where;
        std::string text;
    };
    static std::vector<std::string> list(std::vector<Entry>);
    std::vector<Entry> problems_, warnings_;
};

} // namespace agenthost::host::conf
