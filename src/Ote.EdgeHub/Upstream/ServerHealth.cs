namespace Ote.EdgeHub.Upstream;

/// <summary>
/// Whether one API server is to be asked, decided from what became of probes and requests: one that answered is left only after several failures, and one that failed comes back only after several
/// answers, so that a server that flaps does not take everyone along. Pure.
/// </summary>
/// <param name="IsUp">Whether it is asked.</param>
/// <param name="Streak">How many times in a row it now did the opposite.</param>
public readonly record struct ServerHealth(bool IsUp, int Streak)
{
    /// <summary>Failures in a row after which a server is left.</summary>
    public const int FailuresToLeave = 3;

    /// <summary>Answers in a row after which it is asked again.</summary>
    public const int AnswersToReturn = 2;

    /// <summary>A server of which nothing is known: the first answer counts.</summary>
    public static ServerHealth Unknown => new(false, AnswersToReturn - 1);

    /// <summary>After it said that it is ready.</summary>
    public ServerHealth Answered() => IsUp ? this with { Streak = 0 } : Streak + 1 >= AnswersToReturn ? new(true, 0) : this with { Streak = Streak + 1 };

    /// <summary>After it did not answer in time, or said that it is not ready.</summary>
    public ServerHealth Failed() => !IsUp ? this with { Streak = 0 } : Streak + 1 >= FailuresToLeave ? new(false, 0) : this with { Streak = Streak + 1 };

    /// <summary>After a connection was refused: nobody is there, which needs no second look.</summary>
    public static ServerHealth Refused => new(false, 0);
}
