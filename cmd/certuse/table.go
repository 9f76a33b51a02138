package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Limits of one cell. The machine formats have all of it.
const (
	maxCell   = 160
	maxGroups = 6
)

// tablePrinter prints at the end, for people: sorted, with what needs attention
// next to the summary.
type tablePrinter struct {
	out            io.Writer
	colors         palette
	perAssociation bool
	rows           []row
	notAsked       int
	notAskedReason string
}

type row struct{ usage, account, certificate, service, status, checked, note string }

func (p *tablePrinter) print(a answer) error {
	r := row{usage: a.Usage, account: a.AccountID, certificate: a.CertificateID, checked: timestamp(a.CheckedAt, "2006-01-02 15:04:05Z")}
	switch {
	case a.Reason != nil:
		r.note = shorten(printable(a.Reason.String()), maxCell)
	case a.Truncated:
		r.note = "truncated: more exist"
	}
	switch {
	case !p.perAssociation && a.Reason != nil && a.Reason.Code == reasonNotAsked:
		// After Ctrl-C this may be nearly all of a long list: one row says it.
		p.notAsked++
		p.notAskedReason = r.note
	case !p.perAssociation:
		if words := groups(a.Associations); len(words) > 0 {
			r.note = strings.TrimSuffix(strings.Join(words, ", ")+"; "+r.note, "; ")
		}
		p.rows = append(p.rows, r)
	case len(a.Associations) == 0:
		p.rows = append(p.rows, r)
	default:
		for _, each := range a.Associations {
			r.service, r.status = shorten(printable(each.Service), maxCell), shorten(printable(each.Status), maxCell)
			p.rows = append(p.rows, r)
		}
	}
	return nil
}

// groups says what uses a certificate in a few words: "gateway (active) ×3".
func groups(list []association) []string {
	counts := make(map[association]int)
	var order []association
	for _, each := range list {
		if counts[each]++; counts[each] == 1 {
			order = append(order, each)
		}
	}
	var words []string
	for i, each := range order {
		if i == maxGroups {
			words = append(words, fmt.Sprintf("and %s more kinds", count(len(order)-maxGroups)))
			break
		}
		word := orDash(shorten(printable(each.Service), 40)) + " (" + orDash(shorten(printable(each.Status), 40)) + ")"
		if n := counts[each]; n > 1 {
			word += " ×" + count(n)
		}
		words = append(words, word)
	}
	return words
}

func (p *tablePrinter) finish(summary) error {
	if !p.perAssociation {
		order := []string{usageUnused, usageInUse, usageUnknown}
		slices.SortStableFunc(p.rows, func(a, b row) int {
			return cmp.Or(
				cmp.Compare(slices.Index(order, a.usage), slices.Index(order, b.usage)),
				cmp.Compare(a.account, b.account),
				cmp.Compare(a.certificate, b.certificate),
			)
		})
	}
	if p.notAsked > 0 {
		p.rows = append(p.rows, row{usage: usageUnknown, certificate: "(" + plural(p.notAsked, "certificate") + ")", note: p.notAskedReason})
	}
	return p.write()
}

func (p *tablePrinter) write() error {
	severalAccounts := slices.ContainsFunc(p.rows, func(r row) bool { return r.account != "" && r.account != p.rows[0].account })
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	line := func(r row) {
		cells := []string{strings.ReplaceAll(r.usage, "_", " ")}
		if severalAccounts {
			cells = append(cells, orDash(r.account))
		}
		cells = append(cells, r.certificate)
		if p.perAssociation {
			cells = append(cells, orDash(r.service), orDash(r.status))
		}
		fmt.Fprintln(w, strings.Join(append(cells, orDash(r.checked), r.note), "\t"))
	}
	line(p.header())
	for _, r := range p.rows {
		line(r)
	}
	if err := w.Flush(); err != nil {
		return err
	}

	// Colours are added to finished lines: they would count as width before.
	var colored bytes.Buffer
	for i, s := range strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n") {
		s = strings.TrimRight(s, " ")
		if i == 0 {
			fmt.Fprintln(&colored, p.colors.bold(s))
			continue
		}
		usage := p.rows[i-1].usage
		fmt.Fprintln(&colored, p.colors.usage(usage, s[:len(usage)])+s[len(usage):])
	}
	_, err := p.out.Write(colored.Bytes())
	return err
}

func (p *tablePrinter) header() row {
	h := row{"USAGE", "ACCOUNT", "CERTIFICATE", "SERVICE", "STATUS", "CHECKED (UTC)", "NOTE"}
	if !p.perAssociation {
		h.note = "USED BY, OR WHY UNKNOWN"
	}
	return h
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
