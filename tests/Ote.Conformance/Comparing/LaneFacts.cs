namespace Ote.Conformance.Comparing;

/// <summary>What belongs to one run of the script at one server, and so must differ from the other's.</summary>
/// <param name="Server">URL of the server.</param>
/// <param name="Folder">Where the lane's files are.</param>
/// <param name="Began">When it began, UTC.</param>
/// <param name="Ended">When it ended, UTC.</param>
public sealed record LaneFacts(string Server, string Folder, DateTimeOffset Began, DateTimeOffset Ended);
