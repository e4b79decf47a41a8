using Ote.Flow;

namespace Ote.Roles.Hosting;

/// <summary>A role cannot start as asked: one line for the operator.</summary>
internal sealed class RoleException(string message) : Exception(message), IForOperator;

/// <summary>Which exceptions carry a line written for the operator; anything else is a fault of ours and shows its stack.</summary>
internal static class RoleFaults
{
    // ENOSPC of all systems; EDQUOT of Linux and of the BSDs.
    private const int NoSpace = 28, QuotaUsedUp = 122, QuotaUsedUpElsewhere = 69;

    public static bool IsForOperator(Exception fault) =>
        fault is IForOperator or IOException or UnauthorizedAccessException or HttpRequestException || fault.GetBaseException() is DllNotFoundException;

    /// <summary>The line for the operator. The system's own words of a full disk, or of a library that is missing, name neither what is to be done nor, to everybody, what happened.</summary>
    public static string Line(Exception fault) => fault is IOException full && IsFull(full)
        ? $"{File(full) ?? "a file"} cannot be written: no room is left for it. Make room on its disk{(File(full) is null ? $" ({full.Message})" : "")}, and start again"
        : fault.GetBaseException() is DllNotFoundException missing
        ? $"a library cannot be loaded: it is to be beside the executable in {AppContext.BaseDirectory}, as it is where the executable came from, and for this machine's processor. The system says: {missing.Message.Split('\n')[0].TrimEnd('.')}"
        : fault.Message;

    /// <summary>Whether the system says that a disk, or a user's part of it, is full.</summary>
    public static bool IsFull(IOException fault) => fault.HResult is NoSpace or QuotaUsedUp or QuotaUsedUpElsewhere;

    /// <summary>The file that the system's words end with.</summary>
    private static string? File(IOException fault) =>
        fault.Message.Split(" : '") is [_, var quoted] && quoted.TrimEnd('.').EndsWith('\'') ? quoted[..quoted.LastIndexOf('\'')] : null;
}
