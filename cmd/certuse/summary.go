package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// summary counts answers. Its JSON form is part of the json format.
type summary struct {
	Total          int            `json:"total"`
	InUse          int            `json:"in_use"`
	Unused         int            `json:"unused"`
	Unknown        int            `json:"unknown"`
	UnknownReasons map[string]int `json:"unknown_reasons"`
	Truncated      int            `json:"truncated"`
	Duplicates     int            `json:"duplicates"`
	Interrupted    bool           `json:"interrupted"`
}

func newSummary(duplicates int) summary {
	return summary{Duplicates: duplicates, UnknownReasons: make(map[string]int)}
}

func (s *summary) add(a answer) {
	s.Total++
	if a.Truncated {
		s.Truncated++
	}
	switch a.Usage {
	case usageInUse:
		s.InUse++
	case usageUnused:
		s.Unused++
	default:
		s.Unknown++
		s.UnknownReasons[a.Reason.Code]++
	}
}

// write prints the summary for people.
func (s *summary) write(w io.Writer, colors palette) {
	fmt.Fprintf(w, "%s: %s, %s, %s\n", colors.bold(plural(s.Total, "certificate")),
		colors.usage(usageInUse, count(s.InUse)+" in use"), colors.usage(usageUnused, count(s.Unused)+" unused"), colors.usage(usageUnknown, count(s.Unknown)+" unknown"))
	if s.Truncated > 0 {
		fmt.Fprintf(w, "%s truncated: more associations exist than were delivered.\n", plural(s.Truncated, "answer"))
	}
	if s.Duplicates > 0 {
		fmt.Fprintf(w, "%s left out: each certificate is asked about once.\n", plural(s.Duplicates, "repeated id"))
	}
	if s.Unknown == 0 {
		return
	}
	codes := slices.SortedFunc(maps.Keys(s.UnknownReasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.UnknownReasons[b], s.UnknownReasons[a]), cmp.Compare(a, b))
	})
	counts := make([]string, len(codes))
	for i, code := range codes {
		counts[i] = fmt.Sprintf("%s %s", count(s.UnknownReasons[code]), code)
	}
	fmt.Fprintf(w, "Unknown is not unused: %s.\n", strings.Join(counts, ", "))
	for _, code := range codes {
		if text := s.advice(code); text != "" {
			fmt.Fprintln(w, text)
		}
	}
}

func (s *summary) advice(code string) string {
	if s.Interrupted && code == reasonRateLimited {
		return "" // it was Ctrl-C that ended the waiting
	}
	for _, known := range reasons {
		if known.code == code {
			return known.advice
		}
	}
	return ""
}

// result gives the exit code as an error, nil for 0. Ctrl-C comes before
// "in use", because what an interrupted audit says is never the whole truth.
func (s *summary) result(requireUnused bool) error {
	switch {
	case s.Interrupted && s.Unknown > 0:
		return &exitError{code: exitUnknown}
	case requireUnused && s.InUse > 0:
		return &exitError{exitInUse, errors.New("not unused: " + plural(s.InUse, "certificate") + " in use")}
	case s.Unknown > 0:
		return &exitError{code: exitUnknown}
	default:
		return nil
	}
}
