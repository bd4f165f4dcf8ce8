;;; -*- lexical-binding: t; -*-
;; elpher.el - Elpher without a screen, one step after the other
;;
;; emacs --batch -q -l elpher.el STEP WHAT [STEP WHAT]...
;;
;;   go URL         fetch a page and print it
;;   follow LABEL   push the button of that label, print what it leads to
;;   answer WORDS   what later questions for words are answered with
;;   choose LETTER  what later questions for a letter are answered with
;;
;; Questions are printed as they are asked.

(require 'package)
(package-initialize)
(require 'elpher)

;; What a heading looks like is asked of the font, and a batch has none.
(advice-add 'font-get :override (lambda (&rest _) 12))

(defconst patience 30.0 "Seconds that an answer may take.")
(defconst retry 0.5 "Seconds until a page is asked for again, at first.")
(defvar words "" "The answer to questions for words.")
(defvar letter "abort" "The answer to questions for a letter.")

(setq elpher-ipv4-always t
      elpher-connection-timeout 30
      elpher-gemini-max-fill-width 80
      gnutls-algorithm-priority "NORMAL:-VERS-TLS1.3" ; more reliable here
      network-security-level 'low)

(defun ask (answer)
  "A function that prints a question and gives what ANSWER returns."
  (lambda (question &rest _)
    (princ (format "-- asked: %s\n" question))
    (funcall answer)))

(advice-add 'read-string :override (ask (lambda () words)))
(advice-add 'read-answer :override (ask (lambda () letter)))
(advice-add 'y-or-n-p :override (ask (lambda () t)))

(defun processes ()
  "The connections of Elpher that have not ended."
  (seq-filter (lambda (one)
                (string-prefix-p "elpher-process" (process-name one)))
              (process-list)))

(defun busy-p ()
  "True while Elpher waits for an answer."
  (or (processes)
      (with-current-buffer "*elpher*"
        (save-excursion
          (goto-char (point-min))
          (looking-at-p (concat "LOADING\\|Connect\\|Data received\\|"
                                "Gemini server is re"))))))

(defun settle ()
  "Wait for the page and print it.
Emacs 28 now and then misses that a handshake is over, with any server, and
would wait forever: then ask again."
  (let* ((start (float-time)) (pause retry) (again (+ start pause)))
    (while (and (busy-p) (< (float-time) (+ start patience)))
      (accept-process-output nil 0.05)
      (when (and (> (float-time) again) (busy-p))
        (setq pause (* 2 pause)
              again (+ (float-time) pause))
        (mapc #'delete-process (processes))
        (with-current-buffer "*elpher*" (elpher-reload)))))
  (princ "-- page:\n")
  (with-current-buffer "*elpher*"
    (princ (buffer-substring-no-properties (point-min) (point-max))))
  (princ "\n"))

(defun follow (label)
  "Push the button that shows LABEL."
  (with-current-buffer "*elpher*"
    (goto-char (point-min))
    (if (not (search-forward label nil t))
        (princ (format "-- no link: %s\n" label))
      (goto-char (match-beginning 0))
      (push-button))))

(let ((coding-system-for-write 'utf-8)
      (steps command-line-args-left))
  (setq command-line-args-left nil)
  (while steps
    (let ((step (pop steps)) (what (pop steps)))
      (pcase step
        ("answer" (setq words what))
        ("choose" (setq letter what))
        ("go" (elpher-go what) (settle))
        ("follow" (follow what) (settle))
        (_ (error "No such step: %s" step))))))
