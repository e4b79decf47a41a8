using System.Text.Json;
using System.Text.Json.Nodes;
using Ote.Ctl.Output;
using Ote.Kube.Objects;

namespace Ote.Ctl.Getting;

/// <summary>Tables as the server makes them, whose pages are printed as one.</summary>
internal sealed class ServerTable(bool wide, bool withNamespace)
{
    /// <summary>What a request says to be answered with a table.</summary>
    internal const string Accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

    /// <summary>More rows than a person reads are no table any more: whoever wants them asks for names or objects, which are not kept.</summary>
    internal const int MostRows = 100_000;

    private readonly List<JsonObject> _rows = [];
    private JsonArray _columns = [];

    internal int Count => _rows.Count;

    /// <summary>Takes a page.</summary>
    /// <exception cref="JsonException">It is no table.</exception>
    /// <exception cref="CtlException">There are too many rows.</exception>
    /// <param name="page">The page.</param>
    /// <param name="wanted">Which rows are.</param>
    /// <param name="named">What an object is called instead; null: as the server says.</param>
    internal void Add(JsonObject page, Func<JsonObject, bool> wanted, Func<JsonNode?, string?>? named)
    {
        if (page.Text("kind") != "Table")
        {
            throw new JsonException($"a table was asked for, and a {page.Text("kind") ?? "document"} without columns came");
        }

        _columns = page.Items("columnDefinitions") is { Count: > 0 } columns ? columns : _columns;
        var nameColumn = named is null ? -1 : _columns.Select(c => c.Text("name")).ToList().IndexOf("Name");
        foreach (var row in (page.Items("rows") ?? []).OfType<JsonObject>().Where(row => wanted(row)))
        {
            if (nameColumn >= 0 && row.Items("cells") is { } cells && nameColumn < cells.Count && named!(row["object"]) is { } other)
            {
                cells[nameColumn] = other;
            }

            _rows.Add(row);
        }

        if (_rows.Count > MostRows)
        {
            throw new CtlException(ExitCode.Failed, $"there are more than {MostRows} of them; choose with -l, -n or --cluster, or take -o name");
        }
    }

    internal void WriteTo(TextWriter writer)
    {
        var shown = Enumerable.Range(0, _columns.Count).Where(i => wide || (_columns[i].Whole("priority") ?? 0) == 0).ToArray();
        string[] headers = [.. withNamespace ? (string[])["NAMESPACE"] : [], .. shown.Select(i => (_columns[i].Text("name") ?? "").ToUpperInvariant())];
        var table = new TextTable(headers);
        foreach (var row in _rows)
        {
            var cells = row.Items("cells");
            table.Add([.. withNamespace ? (Cell[])[row.Text("object", "metadata", "namespace")] : [], .. shown.Select(i => (Cell)(i < cells?.Count ? Show(cells[i]) : ""))]);
        }

        table.WriteTo(writer);
    }

    private static string Show(JsonNode? cell) => cell is null ? "" : cell.Text() ?? cell.ToJsonString();
}
