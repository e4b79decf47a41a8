using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Ote.Bench;

/// <summary>
/// The table of last figures in docs/reference/benchmarks.md, made of bench/results: every row with a demand, and what stands beside a
/// baseline. It stands between two markers; a test holds it against the files.
/// </summary>
internal static class FiguresTable
{
    private const string Begin = "<!-- figures: ./ote bench table -->\n";
    private const string End = "<!-- end of figures -->\n";
    private static readonly string[] Benches = ["fanout", "join", "idle", "tree", "footprint", "recover", "loss", "simulate", "store", "crash", "mirror", "changes", "access", "edgehub", "uplink", "reboot"];

    /// <summary>The document of a working copy.</summary>
    public static string Document(string root) => Path.Combine(root, "docs", "reference", "benchmarks.md");

    /// <summary>Puts the table of what the files say now into the document.</summary>
    public static void Update(string root) => File.WriteAllText(Document(root), Replace(File.ReadAllText(Document(root)), Make(root)));

    /// <summary>The table between the markers.</summary>
    public static string Of(string document) => document[(Start(document) + Begin.Length)..document.IndexOf(End, StringComparison.Ordinal)];

    /// <summary>The table that the files ask for.</summary>
    public static string Make(string root)
    {
        var table = new StringBuilder("| Bench | Figure | Value | Baseline | Ratio | Must reach | |\n|---|---|---|---|---|---|---|\n");
        foreach (var bench in Benches)
        {
            var results = JsonNode.Parse(File.ReadAllText(Path.Combine(root, "bench", "results", bench + ".json")))!;
            foreach (var row in results["rows"]!.AsArray().OfType<JsonObject>().Where(row => row["target"] is not null || row["ratio"] is not null))
            {
                var unit = (string?)row["unit"];
                var meets = (bool?)row["meets"] switch { true => "met", false => "**falls short**", null => "" };
                table.Append(
                    CultureInfo.InvariantCulture,
                    $"| `{bench}` | {((string)row["what"]!).Trim()} | {Number(row["value"])} {unit} | {Number(row["baseline"])} | {Number(row["ratio"])} | {(string?)row["target"]} | {meets} |\n");
            }
        }

        return table.ToString();
    }

    private static string Replace(string document, string table) =>
        document[..(Start(document) + Begin.Length)] + table + document[document.IndexOf(End, StringComparison.Ordinal)..];

    private static int Start(string document) => document.IndexOf(Begin, StringComparison.Ordinal);

    private static string Number(JsonNode? value) => value is null ? "" : ((double)value).ToString("#,0.###", CultureInfo.InvariantCulture);
}
