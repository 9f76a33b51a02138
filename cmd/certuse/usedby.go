package main

import (
	"slices"
	"strings"

	"github.com/certuse/cloudflare-mtls/api"
)

// maxNames is the maximum number of users that a text names for one source.
const maxNames = 6

// usedBy lists the users of a certificate or, without any, the results of the sources.
func (r *record) usedBy() string {
	switch r.usage {
	case api.InUse:
		return strings.Join(r.users(), "; ")
	case api.Unused:
		return "none according to " + r.sourcesRead()
	default:
		return r.sourceResults(true)
	}
}

// shortUsedBy is usedBy for a narrow column: for an unused certificate, the number of
// sources that were read; for an unknown usage, the sources that failed.
func (r *record) shortUsedBy() string {
	switch r.usage {
	case api.InUse:
		return r.usedBy()
	case api.Unused:
		read, leftOut := len(r.sources(api.SourceComplete)), len(r.sources(api.SourceLeftOut))
		if leftOut == 0 {
			return "none in all " + count(read)
		}
		return "none in " + count(read) + " of " + count(read+leftOut)
	default:
		return strings.Trim(r.sourceResults(false), "()")
	}
}

// users returns the users of the certificate, one text for each source.
func (r *record) users() []string {
	var out []string
	for _, source := range api.AllSources() {
		var names []string
		counts := map[string]int{}
		for _, use := range r.Evidence.Uses {
			if use.Source != source {
				continue
			}
			name := useText(use)
			if counts[name]++; counts[name] == 1 {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			continue
		}
		for i, name := range names {
			if n := counts[name]; n > 1 {
				names[i] = name + " ×" + count(n)
			}
		}
		if more := len(names) - maxNames; more > 0 {
			names = append(names[:maxNames], count(more)+" more")
		}
		out = append(out, string(source)+": "+strings.Join(names, ", "))
	}
	return out
}

// exactUses returns all users of the certificate in full, for CSV.
func (r *record) exactUses() string {
	var parts []string
	for _, use := range r.Evidence.Uses {
		text := string(use.Source) + ": " + use.Name
		if use.Status != "" {
			text += " (" + use.Status + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// useText returns the name of a user, with its status if there is one.
func useText(use api.Use) string {
	name := orDash(shorten(printable(use.Name), 60))
	if use.Status != "" {
		name += " (" + shorten(printable(use.Status), 40) + ")"
	}
	return name
}

// sourcesRead names the sources that were read and those that were left out.
func (r *record) sourcesRead() string {
	text := joined(r.sources(api.SourceComplete))
	if left := r.sources(api.SourceLeftOut); len(left) > 0 {
		text += " (left out: " + joined(left) + ")"
	}
	return text
}

func (r *record) sources(state api.SourceState) (out []api.Source) {
	for _, s := range r.Evidence.Sources {
		if s.State == state {
			out = append(out, s.Source)
		}
	}
	return out
}

// sourceResults describes the results of the sources that failed and, if all is set, of
// those that were read.
func (r *record) sourceResults(all bool) string {
	if !r.lookedUp {
		return ""
	}
	var parts, results []string
	for i := range r.Evidence.Sources {
		s := &r.Evidence.Sources[i]
		if s.State == api.SourceFailed || all && s.State == api.SourceComplete {
			text := sourceText(s)
			results = append(results, text)
			parts = append(parts, string(s.Source)+": "+text)
		}
	}
	if len(r.Evidence.Sources) > 0 && len(r.sources(api.SourceComplete))+len(r.sources(api.SourceFailed)) == 0 {
		return "(no source that was read can name it)"
	}
	if distinct := slices.Compact(slices.Clone(results)); len(distinct) == 1 && len(results) == len(api.AllSources()) {
		parts = distinct // for example, the certificate itself could not be read
	}
	return "(" + strings.Join(parts, "; ") + ")"
}

// scopes describes the result and the scope of each source.
func (r *record) scopes() string {
	var parts []string
	for _, s := range r.Evidence.Sources {
		text := string(s.Source) + ": " + inWords(string(s.State))
		if s.Scope != "" {
			text += " (" + printable(s.Scope) + ")"
		}
		if s.Permission != "" {
			text += ", lacks " + s.Permission
		} else if s.Err != nil {
			text += ", " + printable(inCLITerms(s.Err))
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// joined returns "a, b and c".
func joined[T ~string](list []T) string {
	words := texts(list, func(item T) string { return string(item) })
	if last := len(words) - 1; last > 0 {
		words = []string{strings.Join(words[:last], ", "), words[last]}
	}
	return strings.Join(words, " and ")
}
