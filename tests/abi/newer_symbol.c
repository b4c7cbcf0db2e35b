/* What a plugin for the next ABI major will look like to this host: another symbol, nothing it can read. */
__attribute__((visibility("default"))) const int agh_plugin_entry_v2 = 2;
