using System.Globalization;
using System.Text;

namespace Ote.EdgeCluster.Jobs;

/// <summary>Completion indexes as an Indexed job shows them: <c>0-2,5</c>. Pure.</summary>
internal static class IndexSet
{
    /// <summary>Reads the text; what cannot be read is left out.</summary>
    public static SortedSet<int> Parse(string? text, int completions)
    {
        var all = new SortedSet<int>();
        foreach (var part in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var range = part.Split('-');
            if (int.TryParse(range[0], NumberStyles.None, CultureInfo.InvariantCulture, out var from) && int.TryParse(range[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var to))
            {
                for (var index = from; index <= Math.Min(to, completions - 1); index++)
                {
                    all.Add(index);
                }
            }
        }

        return all;
    }

    /// <summary>Writes the text.</summary>
    public static string Text(SortedSet<int> indexes)
    {
        var text = new StringBuilder();
        int? from = null, last = null;
        void End()
        {
            if (from is not null)
            {
                text.Append(text.Length > 0 ? "," : "").Append(from.Value.ToString(CultureInfo.InvariantCulture));
                if (last > from)
                {
                    text.Append('-').Append(last.Value.ToString(CultureInfo.InvariantCulture));
                }
            }
        }

        foreach (var index in indexes)
        {
            if (last is null || index != last + 1)
            {
                End();
                from = index;
            }

            last = index;
        }

        End();
        return text.ToString();
    }
}
