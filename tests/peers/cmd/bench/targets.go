package main

import (
	"strings"

	"github.com/certuse/cloudflare-mtls/tests/peers/internal/report"
)

// The metrics of the benchmarks, in the units of golang.org/x/perf.
const (
	timeUnit   = "sec/op"
	allocsUnit = "allocs/op"
)

var rssLine = report.Line{Work: "program/rows=100000", Unit: "B peak RSS"}

// quick selects the benchmarks of the regression check: those that do not
// depend on the kernel's network.
const quick = "/memory/"

var targets = []report.Target{
	{Line: report.Line{Work: "memory/rows=2", Unit: timeUnit}, Against: "hand", Limit: 1},
	{Line: report.Line{Work: "memory/rows=2", Unit: allocsUnit}, Against: "hand", Limit: 1},
	{Line: report.Line{Work: "memory/rows=20", Unit: timeUnit}, Against: "hand", Limit: 1},
	{Line: report.Line{Work: "memory/rows=20", Unit: allocsUnit}, Against: "hand", Limit: 1},
	{Line: report.Line{Work: "memory/rows=1000", Unit: timeUnit}, Against: "hand", Limit: 0.55},
	{Line: report.Line{Work: "memory/rows=1000", Unit: allocsUnit}, Against: "v0", Limit: 0.1},
	{Line: report.Line{Work: "memory/rows=100000", Unit: timeUnit}, Against: "hand", Limit: 0.55},
	{Line: report.Line{Work: "memory/rows=100000", Unit: allocsUnit}, Against: "v0", Limit: 0.1},
	{Line: report.Line{Work: "memory/certificates=1000", Unit: timeUnit}, Against: "hand", Limit: 0.55},
	{Line: rssLine, Against: report.BestPeer, Limit: 0.8},
	{Line: report.Line{Work: "socket/rows=2", Unit: timeUnit}, Against: "hand", Limit: 1.1},
	// At least 0.9 times the throughput of hand.
	{Line: report.Line{Work: "audit/rows=2", Unit: "sec/cert"}, Against: "hand", Limit: 1 / 0.9},
	{Line: report.Line{Work: "audit/rows=2", Unit: "cpu-sec/cert"}, Against: "hand", Limit: 1},
	{Line: report.Line{Work: "inventory/certificates=500", Unit: "sec/cert"}, Against: "hand", Limit: 1 / 0.9},
}

func applicable(cfg config) []report.Target {
	if !cfg.check {
		return targets
	}
	var out []report.Target
	for _, t := range targets {
		if strings.HasPrefix(t.Line.Work, "memory/") || t.Line == rssLine {
			out = append(out, t)
		}
	}
	return out
}
