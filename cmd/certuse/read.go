package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// readArguments takes certificates from the command line.
func readArguments(account string, args []string) (*input, error) {
	in := newInput(account)
	for i, arg := range args {
		if err := in.add(arg); err != nil {
			in.close()
			return nil, located(err, fmt.Sprintf("argument %d", i+1))
		}
	}
	return in, nil
}

// readFile takes certificates from a file, or from standard input when the name
// is "-". Reading may block, as it does on a terminal or a pipe; that does not
// hold up Ctrl-C.
func readFile(ctx context.Context, sys system, account, name string) (*input, error) {
	type outcome struct {
		in  *input
		err error
	}
	if name == "-" && isTerminal(sys.stdin) {
		fmt.Fprintln(sys.stderr, "certuse: reading certificate ids from the terminal, one a line; Ctrl-D ends the list")
	}
	done := make(chan outcome, 1)
	go func() {
		in := newInput(account)
		err := addFile(in, sys, name)
		if err != nil {
			in.close()
		}
		done <- outcome{in, err}
	}()
	select {
	case o := <-done:
		return o.in, o.err
	case <-ctx.Done():
		return nil, &exitError{exitUnknown, errors.New("interrupted while the list of certificates was read: nothing was asked")}
	}
}

func addFile(in *input, sys system, name string) error {
	if name == "-" {
		return in.addLines(sys.stdin, "standard input")
	}
	file, err := os.Open(name)
	if err != nil {
		return usagef("cannot read the list of certificates: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	return in.addLines(file, name)
}
