using Ote.Ctl.Output;

namespace Ote.Ctl.Applying;

/// <summary>Shows receipts while a run goes on.</summary>
internal interface IReceiptDisplay
{
    /// <summary>Runs <paramref name="work"/>, which calls its argument with all receipts each time one changed. Not called from two threads at once.</summary>
    Task ShowAsync(Func<Action<IReadOnlyList<Receipt>>, Task> work);
}

/// <summary>A line on standard error for each change: for logs and pipes.</summary>
internal sealed class ReceiptLines(TextWriter writer) : IReceiptDisplay
{
    public Task ShowAsync(Func<Action<IReadOnlyList<Receipt>>, Task> work)
    {
        var said = new Dictionary<string, string>(StringComparer.Ordinal);
        var concerns = new HashSet<string>(StringComparer.Ordinal);
        return work(receipts =>
        {
            foreach (var receipt in receipts.Where(receipt => receipt.Command is not null))
            {
                var line = receipt.Progress();
                var key = receipt.Command!.Value.Name;
                if (said.GetValueOrDefault(key) != line)
                {
                    said[key] = line;
                    writer.Write(line + "\n");
                }

                if (receipt.Command.Value.Concern is { } concern && concerns.Add(concern))
                {
                    writer.Write($"{receipt.Subject}: {Cell.Printable(concern)}\n");
                }
            }
        });
    }
}
