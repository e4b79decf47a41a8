using Ote.Protocol.Tunnel;

namespace Ote.Cluster.Identity;

/// <summary>
/// Who was told to come again, and with which words: one that waits for approval asks every few seconds, and the log need not say so each time.
/// Thread-safe.
/// </summary>
internal sealed class WaitingApplicants
{
    /// <summary>Clusters remembered; with more, all are forgotten and told of once more.</summary>
    public const int Most = 1000;

    private readonly Lock gate = new();
    private readonly Dictionary<(string Name, string Uid), string> told = [];

    /// <summary>Whether an answer is that of the last time: a word to wait, in the same words. Takes note of it.</summary>
    public bool IsRepeated(JoinRequest request, JoinAnswer answer)
    {
        (string, string) who = (request.Name, request.Uid);
        lock (gate)
        {
            if (answer.Outcome != JoinAnswer.Types.Outcome.Pending)
            {
                told.Remove(who);
                return false;
            }

            if (told.TryGetValue(who, out string? before) && before == answer.Text) return true;
            if (told.Count >= Most) told.Clear();
            told[who] = answer.Text;
            return false;
        }
    }
}
