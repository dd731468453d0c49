// A room of headers only still makes a library.
