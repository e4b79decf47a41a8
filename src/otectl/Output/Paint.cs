namespace Ote.Ctl.Output;

/// <summary>Colours words by what they mean, or leaves them alone.</summary>
/// <param name="enabled">Whether a person looks, and wants colours.</param>
internal sealed class Paint(bool enabled)
{
    private const string Reset = "\e[0m";

    internal bool Enabled => enabled;

    /// <summary>Decides whether to colour what goes to a stream.</summary>
    internal static Paint For(bool terminal, bool noColor, Func<string, string?> variable) =>
        new(terminal && !noColor && string.IsNullOrEmpty(variable("NO_COLOR")) && variable("TERM") != "dumb");

    /// <summary>Green for what is well, yellow for what is under way, red for what is not well.</summary>
    internal string State(string word) => word switch
    {
        "online" or "Succeeded" or "True" or "succeeded" => Wrap("\e[32m", word),
        "offline" or "revoked" or "Failed" or "Expired" or "failed" or "expired" => Wrap("\e[31m", word),
        "pending" or "Pending" or "Running" or "Cancelled" or "cancelled" => Wrap("\e[33m", word),
        _ => word,
    };

    internal string Bad(string text) => Wrap("\e[31m", text);

    internal string Faint(string text) => Wrap("\e[2m", text);

    internal string Strong(string text) => Wrap("\e[1m", text);

    private string Wrap(string code, string text) => enabled && text.Length > 0 ? code + text + Reset : text;
}
