using System.Text;

namespace Ote.Ctl.Output;

/// <summary>Columns as kubectl prints them: capitals above, three spaces between, nothing behind the last.</summary>
/// <param name="headers">Column names.</param>
internal sealed class TextTable(params string[] headers)
{
    private const int Gap = 3;
    private readonly List<Cell[]> _rows = [];

    internal void Add(params Cell[] cells) => _rows.Add(cells.Length == headers.Length
        ? cells
        : throw new ArgumentException($"{cells.Length} cells for {headers.Length} columns", nameof(cells)));

    internal void WriteTo(TextWriter writer)
    {
        var widths = headers.Select((header, i) => Math.Max(header.Length, _rows.Count == 0 ? 0 : _rows.Max(row => row[i].Width))).ToArray();
        writer.Write(Line(headers.Select(h => new Cell(h)), widths));
        foreach (var row in _rows)
        {
            writer.Write(Line(row, widths));
        }
    }

    private static string Line(IEnumerable<Cell> cells, int[] widths)
    {
        var line = new StringBuilder();
        var owed = 0;
        var column = 0;
        foreach (var cell in cells)
        {
            line.Append(' ', owed).Append(cell.Shown);
            owed = widths[column++] - cell.Width + Gap;
        }

        return line.ToString().TrimEnd() + "\n";
    }
}

/// <summary>One value of a table.</summary>
internal readonly struct Cell
{
    /// <summary>Makes a cell; an empty value shows as <c>&lt;none&gt;</c>, control characters as <c>?</c>.</summary>
    /// <param name="text">The value.</param>
    /// <param name="paint">Adds colour without width, or null.</param>
    internal Cell(string? text, Func<string, string>? paint = null)
    {
        var plain = string.IsNullOrEmpty(text) ? "<none>" : Printable(text);
        Width = plain.Length;
        Shown = paint is null ? plain : paint(plain);
    }

    internal int Width { get; }

    internal string Shown { get; }

    public static implicit operator Cell(string? text) => new(text);

    public static implicit operator Cell(long number) => new(number.ToString(System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>What came from a cluster must not move the cursor of the operator's terminal.</summary>
    internal static string Printable(string text) =>
        text.Any(char.IsControl) ? string.Concat(text.Select(c => c is '\n' or '\t' or '\r' ? ' ' : char.IsControl(c) ? '?' : c)) : text;
}
