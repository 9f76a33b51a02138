package readme

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The files in testdata/promises list the sentences of a document. Below each
// sentence are its tests, or "- " and the reason why it promises nothing testable.
func TestEachSentenceOfTheDocumentationHasATest(t *testing.T) {
	t.Parallel()
	tests := testNames(t)
	for file, document := range map[string]string{"api.txt": packageComment(t), "SECURITY.txt": contents(t, moduleRoot, "SECURITY.md")} {
		listed, proofs := promises(contents(t, "testdata", "promises", file))
		if diff := cmp.Diff(listed, sentences(document)); diff != "" {
			t.Errorf("%s: list each changed sentence with the tests that show it (-listed +document)\n%s", file, diff)
		}
		for i, proof := range proofs {
			names := strings.Fields(proof)
			if len(names) > 1 && names[0] == "-" {
				continue
			}
			for _, name := range names {
				if !tests[name] {
					t.Errorf("%s: %s: there is no test %s", file, listed[i], name)
				}
			}
			if len(names) == 0 {
				t.Errorf("%s: %s: no test", file, listed[i])
			}
		}
	}
}

func TestCodeOfThePackageCommentIsATestedExample(t *testing.T) {
	t.Parallel()
	bodies := exampleBodies(t)
	blocks := regexp.MustCompile(`(?m)(^\t.*\n|^\n)+`).FindAllString(packageComment(t), -1)
	blocks = slices.DeleteFunc(blocks, func(b string) bool { return strings.TrimSpace(b) == "" })
	if len(blocks) < 2 {
		t.Fatalf("%d blocks of code", len(blocks))
	}
	for _, b := range blocks {
		if !slices.ContainsFunc(bodies, func(body string) bool { return strings.Contains(body, normal(b)) }) {
			t.Errorf("the code is in no Example:\n%s", b)
		}
	}
}

func TestSentencesAreFound(t *testing.T) {
	t.Parallel()
	const text = "# Heading\n\nOne, in [x.y] and\ntwo lines. Two. **Three.** Still three:\n\n\tcode. code\n\n  - four\n    goes on\n  - five. Six\n\n| seven | 7 |\n"
	want := []string{"One, in [x.y] and two lines.", "Two.", "**Three.** Still three:", "- four goes on", "- five.", "Six", "| seven | 7 |"}
	if diff := cmp.Diff(want, sentences(text)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	listed, proofs := promises("# Heading\n\nOne.\n\tTestA\n\tTestB\nTwo.\nThree.\n\t- no promise\n")
	if diff := cmp.Diff([][]string{{"One.", "Two.", "Three."}, {"TestA TestB", "", "- no promise"}}, [][]string{listed, proofs}); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// sentences returns the sentences of a package comment or of Markdown, without code
// and headings. Each item of a list and each row of a table begins a sentence.
func sentences(text string) (out []string) {
	paragraph := ""
	end := func() {
		for paragraph = strings.TrimSpace(paragraph); paragraph != ""; {
			i := strings.Index(paragraph, ". ") + 1
			if i == 0 {
				i = len(paragraph)
			}
			out = append(out, paragraph[:i])
			paragraph = strings.TrimSpace(paragraph[i:])
		}
	}
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "", line[0] == '#', line[0] == '\t':
			end()
		case strings.HasPrefix(trimmed, "- "), strings.HasPrefix(trimmed, "|"):
			end()
			paragraph = trimmed
		default:
			paragraph += " " + trimmed
		}
	}
	end()
	return out
}

// promises reads a list of sentences, each with the lines below it.
func promises(text string) (sentences, proofs []string) {
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "", line[0] == '#':
		case line[0] == '\t' && len(proofs) > 0:
			proofs[len(proofs)-1] = strings.TrimSpace(proofs[len(proofs)-1] + " " + trimmed)
		default:
			sentences, proofs = append(sentences, trimmed), append(proofs, "")
		}
	}
	return sentences, proofs
}

func packageComment(t *testing.T) string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(moduleRoot, "api", "doc.go"), nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Doc.Text()
}

func contents(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// testNames returns the tests, fuzz tests and examples of the module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names, declaration := map[string]bool{}, regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Example)\w*)\(`)
	err := filepath.WalkDir(moduleRoot, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		for _, match := range declaration.FindAllSubmatch(data, -1) {
			names[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
