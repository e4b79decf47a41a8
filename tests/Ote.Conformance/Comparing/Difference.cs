using System.Security.Cryptography;
using System.Text;
using Ote.Conformance.Running;

namespace Ote.Conformance.Comparing;

/// <summary>In what a command's two outcomes differ, exit code and both outputs, after normalising.</summary>
/// <param name="Lines">As <see cref="TextDiff"/> gives them; none: they are the same.</param>
public sealed record Difference(IReadOnlyList<string> Lines)
{
    private const int HashLength = 16;

    /// <summary>Names exactly this difference; empty when there is none.</summary>
    public string Hash => Lines.Count == 0 ? "" : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', Lines))))[..HashLength];

    /// <summary>Of one command at both servers.</summary>
    public static Difference Of(CommandOutcome real, LaneFacts realLane, CommandOutcome embedded, LaneFacts embeddedLane) =>
        new(TextDiff.Lines(Form(real, realLane), Form(embedded, embeddedLane)));

    /// <summary>The outcome as one text.</summary>
    public static string Form(CommandOutcome outcome, LaneFacts lane) =>
        $"exit code {outcome.ExitCode}\n{Normaliser.Apply(outcome.Out, lane)}{(Normaliser.Apply(outcome.Error, lane) is { Length: > 0 } errors ? $"stderr:\n{errors}" : "")}";
}
