using System.Globalization;
using Ote.Ctl.Output;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Ote.Ctl.Applying;

/// <summary>A table on the terminal that is redrawn in place and removed at the end, when the final table takes its place.</summary>
/// <param name="writer">The terminal.</param>
/// <param name="colours">Whether colours are wanted.</param>
internal sealed class LiveReceipts(TextWriter writer, bool colours) : IReceiptDisplay
{
    private const int MaxRows = 20;
    private const int Gap = 2;
    private const int MostConcerns = 3;

    /// <summary>Of <see cref="Receipt.Stages"/>, shortened: a terminal of 80 columns holds them beside an object's name.</summary>
    private static readonly string[] Headings = ["TARGETS", "ACCEPT", "SENT", "DURABLE", "EXEC", "OK", "FAILED"];

    public Task ShowAsync(Func<Action<IReadOnlyList<Receipt>>, Task> work)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            ColorSystem = colours ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.Yes,
            Out = new AnsiConsoleOutput(writer),
        });
        return console.Live(new Text("")).AutoClear(true).StartAsync(context => work(receipts => context.UpdateTarget(Draw(receipts))));
    }

    internal static IRenderable Draw(IReadOnlyList<Receipt> receipts)
    {
        var table = new Table().Border(TableBorder.None).AddColumn(new TableColumn("OBJECT").PadLeft(0).PadRight(Gap));
        foreach (var heading in Headings)
        {
            table.AddColumn(Column(heading, Gap).RightAligned());
        }

        table.AddColumn(Column("PHASE", 0));
        foreach (var receipt in Shown(receipts))
        {
            var cells = new List<IRenderable> { new Text(Cell.Printable(receipt.Subject)) { Overflow = Overflow.Ellipsis } };
            cells.AddRange(receipt.Counts.Select((count, i) => new Text(
                count.ToString(CultureInfo.InvariantCulture), i == Receipt.Stages.Count - 1 && count > 0 ? new Style(Color.Red) : Style.Plain)));
            cells.Add(new Text(receipt.Phase, PhaseStyle(receipt.Phase)));
            table.AddRow(cells);
        }

        var rows = new List<IRenderable> { table };
        if (receipts.Count > MaxRows)
        {
            rows.Add(new Text($"... {receipts.Count - MaxRows} more objects"));
        }

        rows.AddRange(receipts.SelectMany(receipt => receipt.Failures).Take(MaxRows)
            .Select(failure => new Text(Cell.Printable($"  {failure.Cluster}: {failure.Code} {failure.Describe()}"), new Style(Color.Red))));
        rows.AddRange(receipts.Where(receipt => receipt.Command is { IsFinished: true, IsWatched: true }).Take(MostConcerns)
            .Select(receipt => new Text(Cell.Printable($"{receipt.Subject}: {receipt.Command!.Value.Unseen}"), new Style(Color.Yellow))));
        rows.AddRange(receipts.Select(receipt => receipt.Command?.Concern).OfType<string>().Distinct(StringComparer.Ordinal).Take(MostConcerns)
            .Select(concern => new Text(Cell.Printable(concern), new Style(Color.Yellow))));
        return new Rows(rows);
    }

    private static TableColumn Column(string heading, int gap) => new TableColumn(heading).NoWrap().PadLeft(0).PadRight(gap);

    /// <summary>A terminal is only so high: what is under way comes first, then what is next, then what is done.</summary>
    private static IEnumerable<Receipt> Shown(IReadOnlyList<Receipt> receipts) =>
        receipts.Count <= MaxRows ? receipts : receipts.OrderBy(r => r.Command is null ? 1 : r.Command.Value.IsFinished ? 2 : 0).Take(MaxRows);

    private static Style PhaseStyle(string phase) => phase switch
    {
        "Succeeded" => new Style(Color.Green),
        "Failed" or "Expired" => new Style(Color.Red),
        "Waiting" => Style.Plain,
        _ => new Style(Color.Yellow),
    };
}
