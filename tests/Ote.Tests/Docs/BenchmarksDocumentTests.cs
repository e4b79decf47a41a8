using System.Runtime.CompilerServices;
using Ote.Bench;

namespace Ote.Tests.Docs;

public sealed class BenchmarksDocumentTests
{
    /// <summary><c>./ote bench table</c> brings the document up to the files; so does each run of a benchmark.</summary>
    [Fact]
    public void Figures_in_the_document_are_those_of_the_last_runs() =>
        Assert.Equal(FiguresTable.Make(Root()), FiguresTable.Of(File.ReadAllText(FiguresTable.Document(Root()))));

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
}
